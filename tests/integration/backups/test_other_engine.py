"""A backup of an engine that this version does not have, such as one that a later version took."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.azurite import Azurite
from shared.backups.params import ScrubOrder
from shared.backups.store.metadata import about_backup
from shared.errors import Conflict
from tests.context import job_of
from tests.integration.backups.client import Client, opened

SAID = "the engine 'mongo', which this version of Belfry does not have (there are "


@pytest.fixture
def client(azurite: Azurite, tmp_path: Path) -> Iterator[Client]:
    with opened(azurite, tmp_path) as made:
        yield made


@pytest.fixture
def later(client: Client) -> dict[str, Any]:
    """A backup, as a later version would have taken it."""
    one = client.taken(client.plan(destinations=["primary"]))
    (backup,) = client.app.backups().look().backups
    meta = about_backup(replace(backup.summary, engine="mongo"), None)
    with client.container() as container:
        for blob in container.list_blobs(include=["metadata"]):
            if "summary" not in (blob.metadata or {}):
                continue
            there = container.get_blob_client(blob.name)
            there.set_blob_metadata(meta)
            if blob.name.endswith(".manifest.json"):
                manifest = json.loads(there.download_blob().readall()) | {"engine": "mongo"}
                there.upload_blob(json.dumps(manifest), metadata=meta, overwrite=True)
    return client.told("GET", f"/backups/{one['id']}")


def test_it_is_listed_and_refused_with_what_to_do(client: Client, later: dict[str, Any]) -> None:
    assert (later["engine"], later["verified"]) == ("mongo", True)
    for action, body in [
        ("verify", None),
        ("verify", {"without": ["constraint public.pets.owner"]}),
        ("restore", None),
        ("restore", {"target": "other.db"}),
    ]:
        problem = client.problem(409, "POST", f"/backups/{later['id']}/{action}", body)
        assert SAID in problem["detail"]
        assert "use the version that took it, or a later one" in problem["detail"]


def test_a_job_that_proves_old_backups_says_the_same(client: Client, later: dict[str, Any]) -> None:
    clock = client.engine.clock
    clock.advance(timedelta(days=60))
    with pytest.raises(Conflict) as caught:
        client.app.backups().scrub(ScrubOrder(), job_of(clock=clock))
    assert SAID in str(caught.value)
