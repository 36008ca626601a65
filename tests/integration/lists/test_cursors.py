"""A cursor is of one list: with other filters, of another caller, or changed, it is refused."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace

import pytest

from local.azurite import Azurite
from shared.access import LOCAL
from shared.api import cursors
from shared.errors import Invalid
from tests.integration.engine.conftest import Engine, make
from tests.together import together

PLACE = (1_700_000_000_000_000, "s1")
TO = cursors.bound("schedules", LOCAL, project_id=7, enabled=None)


def test_it_comes_back_as_it_was_in_every_process(engine: Engine) -> None:
    meta = engine.app.meta
    text = cursors.write(meta, TO, PLACE)
    assert cursors.read(meta, TO, text) == list(PLACE)
    meta._secrets.clear()
    assert cursors.read(meta, TO, text) == list(PLACE)


def test_of_other_filters_or_another_caller_it_is_refused(engine: Engine) -> None:
    meta = engine.app.meta
    text = cursors.write(meta, TO, PLACE)
    theirs = replace(LOCAL, projects=frozenset({7}))
    for other in (
        cursors.bound("schedules", LOCAL, project_id=8, enabled=None),
        cursors.bound("jobs", LOCAL, project_id=7, enabled=None),
        cursors.bound("schedules", theirs, project_id=7, enabled=None),
    ):
        with pytest.raises(Invalid, match="cursor: it is of another list"):
            cursors.read(meta, other, text)


@pytest.mark.parametrize("text", ["", "x", "é", "AAAA", "A" * 40, "{}", "=" * 9, "\0"])
def test_other_text_is_refused(engine: Engine, text: str) -> None:
    with pytest.raises(Invalid, match="cursor: it is"):
        cursors.read(engine.app.meta, TO, text)


def test_each_changed_bit_is_seen(engine: Engine) -> None:
    meta = engine.app.meta
    text = cursors.write(meta, TO, PLACE)
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    for at in range(len(raw)):
        forged = bytes([*raw[:at], raw[at] ^ 1, *raw[at + 1 :]])
        with pytest.raises(Invalid):
            cursors.read(meta, TO, urlsafe_b64encode(forged).decode().rstrip("="))


def test_processes_that_begin_together_share_a_key(engine: Engine, azurite: Azurite) -> None:
    others = [make(azurite, engine.app.settings.prefix, prepared=True) for _ in range(4)]
    made = together(*(lambda one=one: cursors.write(one.app.meta, TO, PLACE) for one in others))
    assert len(set(made)) == 1
