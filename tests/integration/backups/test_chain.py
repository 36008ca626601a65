"""A whole round of a plan: taken, proved, copied, kept; and what lies in the containers then."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import threading
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest

from shared.backups.model import Manifest, Outcome
from shared.backups.sqlite.source import SqliteSource
from shared.backups.store.encryption import Seal
from shared.clock import SystemClock
from shared.errors import Cancelled, Damaged, Misconfigured, Refused, Skipped
from shared.settings import Secret
from tests.context import job_of
from tests.integration.backups.conftest import COMPANY
from tests.integration.backups.setup import OFFSITE, PRIMARY, Meddled, Shelf


@pytest.fixture
def two(shelf: Shelf) -> Shelf:
    return replace(shelf, names=(PRIMARY, OFFSITE))


def test_a_proved_backup(shelf: Shelf, database: SqliteSource) -> None:
    taken = shelf.take(database)
    assert taken["verified"] is True
    (one,) = shelf.backups()
    (copy,) = one.copies
    assert (one.id, copy.blob, copy.state) == (taken["id"], taken["blob"], "verified")
    assert taken["blob"].startswith("database/company/")
    assert taken["blob"].endswith(".sqlite.zst")
    manifest = shelf.catalog[PRIMARY].manifest(copy)
    assert manifest.tables == COMPANY
    (report,) = copy.reports
    assert (report.outcome, report.how) == (Outcome.VERIFIED, "restored")
    assert report.restore_seconds == taken["restore_seconds"]


def test_what_lies_there_can_be_checked_and_read_by_hand(
    shelf: Shelf, database: SqliteSource, tmp_path: Path
) -> None:
    blob = shelf.take(database)["blob"]
    with shelf.container() as container:
        for name in shelf.everything():
            (tmp_path / name.rpartition("/")[2]).write_bytes(
                container.download_blob(name).readall()
            )
    file = tmp_path / blob.rpartition("/")[2]
    done = subprocess.run(["sha256sum", "-c", f"{file.name}.sha256"], cwd=tmp_path, check=False)
    assert done.returncode == 0
    manifest = Manifest.from_json(json.loads((tmp_path / f"{file.name}.manifest.json").read_text()))
    assert manifest.blob == blob
    assert len(list(tmp_path.glob("*.verified.json"))) == 1


@pytest.mark.parametrize("compression", ["zstd", "gzip"])
def test_each_compression_proves(shelf: Shelf, database: SqliteSource, compression: str) -> None:
    taken = shelf.take(database, compression=compression)
    assert taken["blob"].endswith(".zst" if compression == "zstd" else ".gz")


def test_tier_is_as_the_plan_says(shelf: Shelf, database: SqliteSource) -> None:
    blob = shelf.take(database, tier="Cool")["blob"]
    with shelf.container() as container:
        assert container.get_blob_client(blob).get_blob_properties().blob_tier == "Cool"


def key() -> str:
    return str(pyrage.x25519.Identity.generate())


def test_of_an_encrypted_backup_the_account_reveals_nothing(
    shelf: Shelf, database: SqliteSource
) -> None:
    sealed = replace(shelf, seal=Seal(Secret(key())))
    taken = sealed.take(database)
    assert taken["encrypted"] is True
    assert sealed.states() == [{PRIMARY: "verified"}]
    with shelf.container() as container:
        for item in container.list_blobs(include=["metadata"]):
            content = container.download_blob(item.name).readall()
            for told in (item.name, str(item.metadata), content.decode("latin-1")):
                for secret in ("company", "users", "sqlite", "postgres"):
                    assert secret not in told.replace("sealed", "")
    blind = replace(shelf, seal=Seal(Secret(key())))
    assert (blind.backups(), blind.catalog.look().strange > 0) == ([], True)


def test_an_older_key_still_opens(shelf: Shelf, database: SqliteSource) -> None:
    old, new = key(), key()
    replace(shelf, seal=Seal(Secret(old))).take(database)
    both = replace(shelf, seal=Seal(Secret(f"{new},{old}")))
    assert both.states() == [{PRIMARY: "verified"}]


def test_encryption_without_a_key_is_refused(shelf: Shelf, database: SqliteSource) -> None:
    with pytest.raises(Misconfigured, match="BACKUP_ENCRYPTION_KEY"):
        shelf.take(database, encrypt=True)
    assert shelf.everything() == []


def test_contents_that_differ_are_damage(shelf: Shelf, database: SqliteSource) -> None:
    wrong = Meddled(
        database, contents=lambda one: replace(one, tables={**one.tables, "users": 999})
    )
    said = "table users had 1000 rows in the source and 999 rows when restored"
    with pytest.raises(Damaged, match=rf"{said}.*kept as .*to be examined"):
        shelf.take(wrong)
    assert shelf.states() == [{PRIMARY: "damaged"}]
    (report,) = shelf.backups()[0].copies[0].reports
    assert said in str(report.error)


def test_a_definition_that_differs_is_damage(shelf: Shelf, database: SqliteSource) -> None:
    wrong = Meddled(
        database, contents=lambda one: replace(one, schema={**one.schema, "table users": "other"})
    )
    with pytest.raises(Damaged, match="table users is defined otherwise when restored"):
        shelf.take(wrong)


def test_every_destination_gets_a_verified_copy(two: Shelf, database: SqliteSource) -> None:
    two.take(database)
    (one,) = two.backups()
    assert two.states() == [{PRIMARY: "verified", OFFSITE: "verified"}]
    assert {copy.destination: copy.reports[0].how for copy in one.copies} == {
        PRIMARY: "restored",
        OFFSITE: "copied",
    }
    blob = one.copies[0].blob
    assert blob in two.everything(PRIMARY) and blob in two.everything(OFFSITE)


def test_a_plan_may_name_its_destinations(two: Shelf, database: SqliteSource) -> None:
    two.take(database, destinations=[OFFSITE])
    assert two.states() == [{OFFSITE: "verified"}]
    with pytest.raises(Misconfigured, match="no backup destination 'moon'"):
        two.take(database, job_of(job_id="other"), destinations=["moon"])


def test_one_that_fails_keeps_no_other_from_it(
    shelf: Shelf, database: SqliteSource, tmp_path: Path
) -> None:
    missing = SqliteSource(tmp_path / "missing.db", name="gone", setting="BACKUP_GONE_URL")
    with pytest.raises(Refused, match=r"1 of 2 failed: gone: BACKUP_GONE_URL is .*missing.db"):
        shelf.take_all([missing, database])
    assert shelf.states() == [{PRIMARY: "verified"}]
    again = job_of(attempt=2)
    with pytest.raises(Refused):
        shelf.take_all([missing, database], again)
    assert len(shelf.backups()) == 1, "what the first attempt proved is not taken again"


def test_no_backup_within_two_minutes_of_the_last(shelf: Shelf, database: SqliteSource) -> None:
    first = shelf.take(database)
    other = job_of(job_id="asked-for-at-once")
    with pytest.raises(Skipped) as skipped:
        shelf.take_all([database], other)
    told: Any = skipped.value.result
    assert told["backups"] == [] and first["id"] in told["skipped"]["database"]
    shelf.take(database, replace(other, job_id="insisted", forced=True))
    later = SystemClock().now() + timedelta(minutes=3)

    class Later(SystemClock):
        def now(self):  # type: ignore[no-untyped-def]
            return max(later, super().now())

    shelf.take(database, replace(other, job_id="asked-for-later", clock=Later()))
    assert len(shelf.backups()) == 3


def test_two_jobs_do_not_back_up_one_database_at_once(shelf: Shelf, database: SqliteSource) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        entered.set()
        assert go_on.wait(30)

    slow = Meddled(database, in_dump=hold)
    first = threading.Thread(target=lambda: shelf.take(slow, job_of(job_id="one")))
    first.start()
    assert entered.wait(30)
    stop = threading.Event()
    second = job_of(job_id="two", schedule_id="weekly", stop=stop)
    waits = threading.Event()

    class Watched(SystemClock):
        def wait(self, event: threading.Event, longest: timedelta) -> bool:
            del longest
            waits.set()
            return event.wait(0.01)

    told: list[BaseException] = []

    def run() -> None:
        try:
            shelf.take(database, replace(second, clock=Watched()))
        except Cancelled as error:
            told.append(error)

    other = threading.Thread(target=run)
    other.start()
    assert waits.wait(30)
    stop.set()
    other.join(30)
    assert told, "it waited, and heeded being told to stop"
    go_on.set()
    first.join(30)
    assert [one.summary.job_id for one in shelf.backups()] == ["one"]


def test_a_suspicious_backup_holds_retention(shelf: Shelf, company: Path, tmp_path: Path) -> None:
    source = SqliteSource(company, temp=tmp_path)
    day = timedelta(days=1)
    start = SystemClock().now() - 50 * day

    def take(number: int) -> dict[str, object]:
        class Then(SystemClock):
            def now(self):  # type: ignore[no-untyped-def]
                return start + number * day

        job = job_of(job_id=f"day-{number}", clock=Then())
        return shelf.take_all([source], job, source=source.name, retention={"count": 2})

    for number in range(3):
        take(number)
    assert len(shelf.backups()) == 2
    with closing(sqlite3.connect(company)) as connection:
        connection.execute("DELETE FROM users")
        connection.commit()
    result = take(3)
    assert "table users had 1,000 rows and has none" in str(result["backups"])
    assert result["removed"] == []
    assert len(shelf.backups()) == 3
    newest = shelf.backups()[0]
    assert newest.verified and newest.suspicions
