"""A backup of the state holds resources, and their secrets as they are encrypted."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.azurite import Azurite
from shared.errors import Misconfigured
from tests.context import job_of
from tests.integration.backups.state.setup import dumped, fresh, restored, source
from tests.integration.engine.conftest import make
from tests.integration.resources.conftest import Shelf


def test_a_restore_has_the_secrets_for_who_has_the_key(
    shelf: Shelf, azurite: Azurite, tmp_path: Path
) -> None:
    engine = shelf.engine
    shelf.hook()
    shelf.told("PUT", "/targets/t", {"name": "t", "kind": "tls", "host": "a.de"})
    content, contents = dumped(engine, tmp_path)
    assert (contents.tables["resources"], contents.tables["secrets"]) == (2, 1)
    assert b"s3cr3t" not in content
    assert source(engine, tmp_path).prove(iter([content]), job_of(clock=engine.clock)) == contents
    other = fresh(engine, azurite)
    restored(other, tmp_path, content)
    found = other.app.resources().webhook("15", 1)
    assert found.what == shelf.resources.webhook("15", 1).what
    assert found.secrets["url"].reveal() == "https://example.com/hook/s3cr3t"
    assert other.app.resources().target("t", None).what.host == "a.de"
    key = {"SECRETS_KEY": "HxAREhMUFRYXGBkaGxwdHh8AAQIDBAUGBwgJCgsMDQ4="}
    prefix = other.app.settings.prefix
    wrong = make(azurite, prefix, clock=engine.clock, environ=key, prepared=True)
    with pytest.raises(Misconfigured, match="SECRETS_KEY has no key named"):
        wrong.app.resources().webhook("15", 1)
