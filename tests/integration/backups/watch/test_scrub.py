"""Old backups are proved again by themselves, the oldest proof first, as far as the budget goes."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.azurite import Azurite
from local.postgres import Postgres
from shared.backups.jobs.scrub import scrub
from shared.backups.params import ScrubOrder
from shared.backups.sqlite.source import SqliteSource
from shared.backups.store.entries import Backup
from shared.log import Event
from shared.schedules.job import Job, Status
from tests.context import job_of
from tests.integration.backups.postgres.setup import execute, made
from tests.integration.backups.setup import Given, Meddled
from tests.integration.backups.watch.setup import HOUR, START, WatchedEngine, events, numbers, taken

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
SMALL = 0.001
"""GB: less than two backups of the company, and more than none."""


@pytest.fixture
def kept(azurite: Azurite, staff: Path) -> WatchedEngine:
    """An engine with three backups of three days, at one destination."""
    engine = WatchedEngine(azurite, staff)
    for day in range(3):
        engine.run("database_backup", START + day * DAY)
    assert [one.verified for one in backups(engine)] == [True] * 3
    return engine


def scrubbed(engine: WatchedEngine, at: datetime, **order: Any) -> dict[str, Any]:
    job = ended(engine, at, **order)
    assert job.status is Status.SUCCEEDED, job.error
    return dict(job.result or {})


def ended(engine: WatchedEngine, at: datetime, **order: Any) -> Job:
    engine.set("backup_scrub", **order)
    return engine.run("backup_scrub", at)


def backups(engine: WatchedEngine) -> list[Backup]:
    """Oldest first."""
    return engine.app.backups().look().backups[::-1]


def last_proofs(engine: WatchedEngine) -> list[datetime]:
    return [copy.proof.at for one in backups(engine) for copy in one.good if copy.proof]


def test_what_is_old_is_proved_again_and_what_is_young_is_not(kept: WatchedEngine) -> None:
    before = last_proofs(kept)
    soon = scrubbed(kept, START + 10 * DAY)
    assert (soon["copies"], soon["proved"], last_proofs(kept)) == (3, 0, before)
    at = START + 16 * DAY  # the first two are older than half of the period, and a share is one
    done = scrubbed(kept, at)
    assert (done["proved"], done["left"], done["overdue"]) == (1, 0, 0)
    assert last_proofs(kept) == [at, *before[1:]]
    assert [one.how for copy in backups(kept)[0].good for one in copy.reports] == ["restored"] * 2
    assert done["oldest_proof_at"] == before[1].isoformat().replace("+00:00", "Z")
    all_of_them = scrubbed(kept, START + 60 * DAY)
    assert (all_of_them["proved"], all_of_them["overdue"]) == (3, 0)


def test_the_budget_ends_it_and_the_rest_is_alerted_once_a_week(
    kept: WatchedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    at = START + 60 * DAY
    first = scrubbed(kept, at, most_gb=SMALL)
    assert (first["proved"], first["left"], first["overdue"]) == (1, 2, 2)
    assert last_proofs(kept)[0] == at
    second = scrubbed(kept, at + HOUR, most_gb=SMALL)
    assert (second["proved"], second["left"], second["overdue"]) == (1, 1, 1)
    told = [subject for _, subject in kept.notifications()]
    assert told.count("Backups are not proved again in time") == 1
    assert [one["overdue"] for one in events(caplog, Event.BACKUP_SCRUB_BEHIND)] == [2, 1]


def test_damage_is_reported_beside_the_copy_and_alerted(
    kept: WatchedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    spoilt, whole, _ = backups(kept)
    spoil(kept, spoilt)
    job = ended(kept, START + 60 * DAY)
    assert job.status is Status.FAILED
    assert f"backup {spoilt.id} at primary: " in str(job.error)
    assert [one.copies[0].state for one in backups(kept)] == ["damaged", "verified", "verified"]
    assert last_proofs(kept) == [START + 60 * DAY] * 2
    assert ("ada@example.com", "A backup is damaged") in kept.notifications()
    assert spoilt.id in kept.text() and whole.id not in kept.text()
    (told,) = events(caplog, Event.BACKUP_DAMAGED)
    assert spoilt.id in told["error"]
    again = scrubbed(kept, START + 61 * DAY)
    assert (again["copies"], again["proved"]) == (2, 0)


def test_data_that_came_to_break_its_rules_is_alerted_and_costs_no_backup(
    azurite: Azurite, staff: Path, postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    """A CHECK on what changes by itself: here, whether there is a role."""
    role = f"marker{uuid.uuid4().hex[:8]}"
    execute(postgres.url("postgres"), f"CREATE ROLE {role}")
    url = made(
        postgres,
        "CREATE FUNCTION marked() RETURNS bool LANGUAGE sql AS "
        f"$$SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')$$",
        "CREATE TABLE vouchers (id int, CONSTRAINT fresh CHECK (public.marked()))",
        "INSERT INTO vouchers VALUES (1)",
    )
    engine = WatchedEngine(azurite, staff, POSTGRES_URL=url)
    plan = engine.plan(source="postgres")
    for day in range(3):
        engine.run(plan, START + day * DAY)
    execute(postgres.url("postgres"), f"DROP ROLE {role}")
    job = ended(engine, START + 60 * DAY)
    assert job.status is Status.FAILED
    assert "constraint public.vouchers.fresh" in str(job.error)
    assert [one.unprovable for one in backups(engine)] == [True] * 3
    assert ("ada@example.com", "A backup can no longer be proved") in engine.notifications()
    assert events(caplog, Event.BACKUP_UNPROVABLE)
    engine.set(plan, retention={"monthly": 5, "days": 90}, source="postgres")
    engine.run("backup_upkeep", START + 61 * DAY)
    assert len(backups(engine)) == 3, "retention keeps what was verified once as before"


def test_each_copy_is_read_and_a_good_one_takes_the_place_of_a_damaged_one(
    azurite: Azurite, staff: Path
) -> None:
    engine = WatchedEngine(
        azurite,
        staff,
        BACKUP_DESTINATIONS="offsite",
        BACKUP_OFFSITE_CONTAINER=f"offsite{next(numbers)}",
    )
    engine.run("database_backup", START)
    spoil(engine, backups(engine)[0], "offsite")
    job = ended(engine, START + 29.5 * DAY)
    assert job.status is Status.FAILED
    assert "at offsite: " in str(job.error)
    (one,) = backups(engine)
    states = {copy.destination: copy.state for copy in one.copies}
    assert states == {"primary": "verified", "offsite": "damaged"}
    upkeep: Any = engine.run("backup_upkeep").result
    assert upkeep["copied"] == 1
    assert len(backups(engine)[0].good) == 2


def test_after_its_minutes_no_further_one_is_begun(kept: WatchedEngine, staff: Path) -> None:
    kept.clock.set(START + 60 * DAY)

    def wait() -> None:
        kept.clock.advance(2 * MINUTE)

    slow = Meddled(SqliteSource(staff), in_restore=wait)
    order, notifications = ScrubOrder(most_minutes=3), kept.app.notifications()
    job = job_of(clock=kept.clock)
    done = scrub(Given(slow), kept.app.backups().catalog, order, notifications, job)
    assert (done["proved"], done["left"]) == (2, 1)


def test_what_cannot_be_proved_keeps_no_other_from_it(azurite: Azurite, staff: Path) -> None:
    container = f"scrub{next(numbers)}"
    crm = {"BACKUP_SOURCES": "crm", "BACKUP_CRM_URL": f"sqlite:///{staff}"}
    before = WatchedEngine(azurite, staff, BACKUP_CONTAINER=container, **crm)
    lost = taken(before.run(before.plan(source="crm"), START))
    engine = WatchedEngine(azurite, staff, BACKUP_CONTAINER=container)
    alone = ended(engine, START + 60 * DAY)
    assert alone.status is Status.FAILED
    assert "there is no backup source 'crm'" in str(alone.error)
    engine.run("database_backup", START + 61 * DAY)
    done = scrubbed(engine, START + 91 * DAY)
    assert (done["proved"], done["overdue"]) == (1, 1)
    assert "there is no backup source 'crm'" in done["failed"][f"{lost} at primary"]


def spoil(engine: WatchedEngine, backup: Backup, destination: str = "primary") -> None:
    """Put other bytes of the same length in the place of a copy's, with the same metadata."""
    copy = next(one for one in backup.copies if one.destination == destination)
    blob = engine.app.backups().catalog[destination].blob(copy.blob)
    found = blob.get_blob_properties()
    data = bytearray(blob.download_blob().readall())
    data[len(data) // 2] ^= 1
    blob.upload_blob(bytes(data), metadata=found.metadata, overwrite=True)
