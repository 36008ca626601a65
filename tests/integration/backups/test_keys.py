"""A key that was lost or is another's: what it opened is not taken for gone, nor is it a wish for
backups that anybody can read."""

from __future__ import annotations

from dataclasses import replace

import pyrage
import pytest

from shared.backups.sqlite.source import SqliteSource
from shared.backups.store.encryption import Seal
from shared.errors import Misconfigured, NotFound
from shared.settings import Secret
from tests.context import job_of
from tests.integration.backups.setup import OFFSITE, PRIMARY, Shelf


def key() -> str:
    return str(pyrage.x25519.Identity.generate())


@pytest.fixture
def sealed(shelf: Shelf) -> Shelf:
    return replace(shelf, names=(PRIMARY, OFFSITE), seal=Seal(Secret(key())))


def with_keys(shelf: Shelf, *keys: str) -> Shelf:
    """The same containers, seen with other keys or none."""
    return replace(shelf, seal=Seal.of(Secret(",".join(keys))))


def take(shelf: Shelf, source: SqliteSource, name: str, **plan: object) -> str:
    job = job_of(job_id=name, schedule_id=name)
    return str(shelf.take(source, job, **plan)["id"])


def test_without_the_key_nothing_is_taken_that_anybody_can_read(
    sealed: Shelf, database: SqliteSource
) -> None:
    take(sealed, database, "first")
    lies = sealed.everything()
    lost = with_keys(sealed)
    with pytest.raises(Misconfigured) as raised:
        lost.take(database)
    assert str(raised.value) == (
        "BACKUP_ENCRYPTION_KEY is not set, and there is 1 encrypted backup that the keys of "
        "BACKUP_ENCRYPTION_KEY do not open; set the key, or say encrypt: false in the plan"
    )
    assert sealed.everything() == lies
    lost.take(database, encrypt=False)
    assert lost.states() == [{PRIMARY: "verified", OFFSITE: "verified"}]


def test_only_the_destinations_of_the_plan_count(sealed: Shelf, database: SqliteSource) -> None:
    take(sealed, database, "first", destinations=[OFFSITE])
    lost = with_keys(sealed)
    with pytest.raises(Misconfigured, match="say encrypt: false"):
        take(lost, database, "both")
    take(lost, database, "elsewhere", destinations=[PRIMARY])
    assert lost.states() == [{PRIMARY: "verified"}]


@pytest.mark.parametrize("keys", [(), (key(),)], ids=["none", "another"])
def test_what_no_key_opens_is_counted_by_backups(
    sealed: Shelf, database: SqliteSource, keys: tuple[str, ...]
) -> None:
    first = take(sealed, database, "first")
    assert sealed.catalog.look().locked == 0
    blind = with_keys(sealed, *keys)
    with pytest.raises(NotFound, match="there is 1 encrypted backup that the keys of"):
        blind.catalog.look().find(first)
    second = take(sealed, database, "second", destinations=[OFFSITE])
    plain = take(sealed, database, "plain", encrypt=False)
    found = blind.catalog.look()
    assert [one.id for one in found.backups] == [plain]
    assert found.locked == 2
    assert dict(found.locked_at) == {PRIMARY: {first}, OFFSITE: {first, second}}
    with pytest.raises(NotFound) as raised:
        found.find(first)
    assert str(raised.value) == (
        f"there is no backup {first!r} that can be read; there are 2 encrypted backups that the "
        "keys of BACKUP_ENCRYPTION_KEY do not open"
    )


def test_a_copy_that_is_open_elsewhere_is_not_locked(sealed: Shelf, database: SqliteSource) -> None:
    """Its metadata at one destination was changed for what another key has sealed."""
    taken = sealed.take(database)
    other = Seal(Secret(key())).seal(b"{}")
    _change(sealed, other)
    assert sealed.catalog.look().locked == 0
    alone = replace(sealed, names=(PRIMARY,))
    assert alone.catalog.look().locked_at == {PRIMARY: {taken["id"]}}


def test_metadata_that_is_changed_and_not_sealed_is_strange(
    sealed: Shelf, database: SqliteSource
) -> None:
    sealed.take(database)
    _change(sealed, b"nothing of age's")
    for seen, locked in ((sealed, 0), (with_keys(sealed), 1)):  # its manifest is sealed as before
        found = replace(seen, names=(PRIMARY,)).catalog.look()
        assert (found.locked, len(found.backups), found.strange > 0) == (locked, 1 - locked, True)


def _change(shelf: Shelf, summary: bytes) -> None:
    """Another summary in the metadata of everything at primary."""
    import base64

    with shelf.container() as container:
        for item in container.list_blobs(include=["metadata"]):
            if "summary" in (item.metadata or {}):
                said = item.metadata | {"summary": base64.b64encode(summary).decode()}
                container.get_blob_client(item.name).set_blob_metadata(said)
