"""What looks after backups: mail on each that ended, alerts, copies that are caught up with."""

from __future__ import annotations

import itertools
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest

from functions.backup import backup
from functions.backup_monitor import backup_monitor
from functions.backup_upkeep import backup_upkeep
from functions.database_backup import database_backup
from local import postgres as local_postgres
from local.azurite import Azurite
from local.postgres import Postgres
from shared import settings
from shared.api import plans
from shared.app import App, build
from shared.clock import ManualClock
from shared.engine.builtin import policy
from shared.errors import Conflict, Refused
from shared.log import Event
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import ENDED, Job, Status
from shared.schedules.model import Definition
from shared.storage.queue import Message
from shared.tasks import BackupPlan, JobContext, Registry, Result, Retry, task
from tests.conftest import scratch
from tests.faults import FaultProxy, Reset
from tests.integration.backups.conftest import hurried
from tests.integration.backups.postgres_setup import execute

_prefixes = itertools.count()
START = datetime(2026, 3, 1, 0, 0, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Office:
    """An app with a company's database, its clock, and what people see of it."""

    def __init__(self, azurite: Azurite, company: Path, **environ: str) -> None:
        number = next(_prefixes)
        environ = {
            "AzureWebJobsStorage": azurite.connection_string,
            "BELFRY_PREFIX": f"w{number}",
            "BACKUP_CONTAINER": f"watch{number}",
            "SCHEDULE_SHARDS": "1",
            "DATABASE_PATH": str(company),
            "BACKUP_MONITOR_ENABLED": "false",  # they run when the test says so
            "BACKUP_UPKEEP_ENABLED": "false",
            **environ,
        }
        self.clock = ManualClock(START)
        tasks = Registry([database_backup, backup, departing, backup_monitor, backup_upkeep])
        self.app: App = build(settings.from_env(environ), self.clock, registry=tasks)
        self.app.prepare()

    def run(self, schedule_id: str, at: datetime | None = None) -> Job:
        """Run a schedule's task now, after what is due of it; the job that was asked for."""
        if at is not None:
            self.clock.set(at)
        asked = self.app.manager.run_now(schedule_id, force=True, send=False)
        while self.app.manager.job(asked.job_id).status not in ENDED:
            live = self.app.manager.get(schedule_id).progress.live
            waiting = [one.id for one in live if one.due_at <= self.clock.now()]
            self.app.worker.work(Message(tuple(waiting[:1]), self.clock.now()))
        return self.app.manager.job(asked.job_id)

    def plan(self, task_type: str = "backup", **parameters: Any) -> str:
        """The id of a new plan that runs at 00:00."""
        definition = Definition(
            name="tenant",
            task_type=task_type,
            task_parameters=parameters,
            recurrence=Recurrence(frequency=Frequency.DAILY),
        )
        return self.app.manager.create(definition, policy(backup)).id

    def set(self, plan: str, **parameters: Any) -> None:
        """Change a plan's parameters as no route would let one."""
        self.app.manager.change(
            plan,
            lambda one: replace(
                one, definition=replace(one.definition, task_parameters=parameters)
            ),
        )

    def delete(self, backup_id: str, *, force: bool) -> None:
        service = self.app.backups()
        found = service.look()
        service.delete(found, found.find(backup_id), force=force)

    def messages(self) -> list[tuple[str, str]]:
        """(recipient, subject) of every message, newest first."""
        found, _ = self.app.messages().page(None, None, 1, 100)
        return [(one.recipient, one.subject) for one in found]

    def text(self) -> str:
        found, _ = self.app.messages().page(None, None, 1, 1)
        return found[0].text


@pytest.fixture
def staff(company: Path) -> Path:
    """The company's database with people in it."""
    with closing(sqlite3.connect(company)) as connection:
        connection.execute("DROP TABLE users")
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, role TEXT)")
        people = [("ada@example.com", "system_admin"), ("bob@example.com", "staff")]
        connection.executemany("INSERT INTO users (email, role) VALUES (?, ?)", people)
        connection.commit()
    return company


@pytest.fixture
def office(azurite: Azurite, staff: Path) -> Office:
    return Office(azurite, staff)


def events(caplog: pytest.LogCaptureFixture, what: Event) -> list[dict[str, Any]]:
    return [one.fields for one in caplog.records if getattr(one, "event", "") == what]  # type: ignore[attr-defined]


def test_a_backup_that_succeeded_is_mailed_once_to_every_administrator(office: Office) -> None:
    made = office.run("database_backup")
    for _ in range(2):
        assert office.run("backup_monitor", office.clock.now() + HOUR / 12).status == "succeeded"
    name = office.app.manager.get("database_backup").definition.name
    assert office.messages() == [("ada@example.com", f"Backup done: {name}")]
    result: Any = made.result
    (one,) = result["backups"]
    for told in (one["id"], "restored in", "MB stored", made.id, "due at 2026-03-01 00:00:01 UTC"):
        assert told in office.text()


def test_a_run_that_took_nothing_is_no_backup_that_is_done(office: Office) -> None:
    office.run("database_backup")
    again = office.run("database_backup", office.clock.now() + timedelta(minutes=1))
    assert again.status is Status.SUCCEEDED, again.error
    office.run("backup_monitor")
    name = office.app.manager.get("database_backup").definition.name
    subjects = {subject for _, subject in office.messages()}
    assert subjects == {f"Backup done: {name}", f"Backup skipped: {name}"}
    found, _ = office.app.messages().page(None, None, 1, 100)
    (skipped,) = [one.text for one in found if one.subject.startswith("Backup skipped")]
    assert "ended less than two minutes ago" in skipped


def test_backups_whose_key_is_lost_are_told_and_alerted_once_a_day(
    azurite: Azurite, staff: Path, caplog: pytest.LogCaptureFixture
) -> None:
    container = f"locked{next(_prefixes)}"
    key, other = (str(pyrage.x25519.Identity.generate()) for _ in range(2))
    one = Office(azurite, staff, BACKUP_CONTAINER=container, BACKUP_ENCRYPTION_KEY=key)
    one.run("database_backup")
    one.run("backup_monitor")
    assert not [subject for _, subject in one.messages() if "Encrypted" in subject]
    for keys in ({}, {"BACKUP_ENCRYPTION_KEY": other}):
        blind = Office(azurite, staff, BACKUP_CONTAINER=container, **keys)
        with caplog.at_level(logging.INFO):
            for hours in (1, 2, 27):
                job = blind.run("backup_monitor", START + timedelta(hours=hours))
                result: Any = job.result
                assert result["locked"] == 1
        alerts = [subject for _, subject in blind.messages() if "Encrypted" in subject]
        assert alerts == ["Encrypted backups cannot be opened"] * 2
        errors = [one for one in caplog.records if one.levelno == logging.ERROR]
        assert sum("backups_locked" in one.getMessage() for one in errors) == 3
        said = "there is 1 encrypted backup that the keys of BACKUP_ENCRYPTION_KEY do not open"
        (late,) = {
            one["sentence"] for one in events(caplog, Event.BACKUP_TOO_OLD) if "sentence" in one
        }
        service = blind.app.backups()
        for sentence in (late, service.standings(service.look())[0].sentence):
            assert sentence.startswith("There is no proved backup of database")
            assert said in sentence
        caplog.clear()


def test_who_reads_does_not_wait_again_for_a_destination_that_is_dead(
    azurite: Azurite, staff: Path
) -> None:
    with FaultProxy(azurite.connection_string) as proxy:
        office = Office(
            azurite,
            staff,
            BACKUP_DESTINATIONS="offsite",
            BACKUP_OFFSITE_STORAGE=proxy.connection_string,
            BACKUP_OFFSITE_CONTAINER=f"offsite{next(_prefixes)}",
        )
        service = office.app.backups()
        away = proxy.rules.add(Reset(), operation="list")
        for seconds, asked in ((0, 3), (59, 3), (60, 6)):
            office.clock.set(START + timedelta(seconds=seconds))
            assert list(service.look().away) == ["offsite"]
            assert away.fired == asked


def taken(job: Job) -> str:
    """The id of the one backup that a job took."""
    assert job.status is Status.SUCCEEDED, job.error
    result: Any = job.result
    (one,) = result["backups"]
    return str(one["id"])


def test_the_last_backup_of_a_plan_that_is_gone_may_be_deleted(office: Office) -> None:
    plan = office.plan(source="database")
    last = taken(office.run(plan))
    with pytest.raises(Conflict, match=r"is the last verified one; it is never deleted$"):
        office.delete(last, force=True)
    office.app.manager.delete(plan)
    with pytest.raises(Conflict, match=r"deleted but with .force=true, as its plan is gone"):
        office.delete(last, force=False)
    office.delete(last, force=True)
    assert office.app.backups().look().backups == []


def test_the_last_backup_of_a_plan_that_cannot_be_read_is_never_deleted(office: Office) -> None:
    plan = office.plan(source="database")
    old = taken(office.run(plan))
    last = taken(office.run(plan, office.clock.now() + HOUR))
    office.set(plan, source="database", colour="red")
    for force in (False, True):
        with pytest.raises(Conflict, match=r"is the last verified one; it is never deleted$"):
            office.delete(last, force=force)
    said = rf"the plan '{plan}' cannot be read \(task_parameters.colour: .*so its backups are kept"
    with pytest.raises(Conflict, match=said):
        office.delete(old, force=False)
    office.delete(old, force=True)
    assert [one.id for one in office.app.backups().look().backups] == [last]


def test_nor_is_that_of_a_plan_whose_row_or_task_is_lost(office: Office, azurite: Azurite) -> None:
    garbled, orphaned = (office.plan(source="database") for _ in range(2))
    lasts = {plan: taken(office.run(plan)) for plan in (garbled, orphaned)}
    office.app.manager.change(
        orphaned, lambda one: replace(one, definition=replace(one.definition, task_type="nosuch"))
    )
    table = office.app.connection.table(f"{office.app.settings.prefix}schedules")
    row = table.get_entity(office.app.table.shard(garbled), f"schedule:{garbled}")
    table.update_entity({**row, "policy": "{"})
    for plan, last in lasts.items():
        with pytest.raises(Conflict, match=r"it is never deleted$"):
            office.delete(last, force=True)
        with pytest.raises(Conflict, match=rf"the plan '{plan}' cannot be read, so its backups"):
            office.app.backups().verdicts(office.app.backups().look(), plan)
        office.app.manager.delete(plan)
        office.delete(last, force=True)
    assert office.app.backups().look().backups == []


def test_a_plan_that_cannot_be_read_is_an_alert_each_day_and_stops_no_other(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    plan = office.plan(source="database")
    taken(office.run(plan))
    office.run("database_backup", START + timedelta(minutes=5))
    office.set(plan, source="database", colour="red")
    with caplog.at_level(logging.INFO):
        for hours in (1, 2, 25):
            monitor = office.run("backup_monitor", START + timedelta(hours=hours))
    result: Any = monitor.result
    assert (result["sources"], result["unreadable"]) == (2, [plan])
    told = events(caplog, Event.BACKUP_PLAN_UNREADABLE)
    assert [one["schedule_id"] for one in told] == [plan] * 3
    assert told[0]["error"].startswith("task_parameters.colour: ")
    assert {one["schedule_id"] for one in events(caplog, Event.BACKUP_AGE)} == {
        plan,
        "database_backup",
    }
    assert [subject for _, subject in office.messages()].count(
        "Backup plan cannot be read: tenant"
    ) == 2
    found, _ = office.app.messages().page(None, None, 1, 100)
    text = next(one.text for one in found if one.subject.startswith("Backup plan cannot"))
    assert "task_parameters.colour: " in text and f"PATCH /api/v1/schedules/{plan}" in text
    office.app.manager.enable(plan, False)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        office.run("backup_monitor", START.replace(second=0) + timedelta(hours=49))
    assert not events(caplog, Event.BACKUP_PLAN_UNREADABLE), "it is off, as somebody wanted it"
    (off,) = events(caplog, Event.BACKUP_PLAN_OFF)
    assert off["schedule_id"] == plan


def test_a_plan_that_cannot_be_read_is_told_of_its_failed_runs(office: Office) -> None:
    plan = office.plan(source="database")
    office.set(plan, source="database", colour="red")
    failed = office.run(plan)
    assert failed.status is Status.FAILED
    office.run("backup_monitor")
    found, _ = office.app.messages().page(None, None, 1, 100)
    (text,) = [one.text for one in found if one.subject == "Backup failed: tenant"]
    assert failed.id in text and "colour" in text


def test_the_last_runs_of_a_plan_that_was_deleted_are_told_once_each(office: Office) -> None:
    """R4: every run is mailed, though its plan is deleted before the monitor looks."""
    plan = office.plan(source="database")
    first = office.run(plan)
    office.app.manager.delete(plan)
    for minutes in (5, 10, 60 * 24):
        monitor = office.run("backup_monitor", START + timedelta(minutes=minutes))
        result: Any = monitor.result
        assert result["jobs_told"] == 1
        assert office.messages() == [("ada@example.com", "Backup done: tenant")]
    assert first.id in office.text()
    monitor = office.run("backup_monitor", START + timedelta(days=2, minutes=1))
    late: Any = monitor.result
    assert late["jobs_told"] == 0, "its jobs are not read any more"
    known = office.app.backups().plans
    assert [one.id for one in known(START).deleted] == [plan]
    assert known(START + timedelta(seconds=1)).deleted == known().deleted == []


@task("departing", params=BackupPlan, retry=Retry(attempts=1))
def departing(job: JobContext, plan: BackupPlan) -> Result:
    """A backup that fails when its plan was deleted meanwhile."""
    del plan
    GONE[job.schedule_id]()
    raise Refused("backup", "the tenant has left")


GONE: dict[str, Callable[[], None]] = {}


def test_a_run_that_goes_on_when_its_plan_is_deleted_is_told_when_it_ends(office: Office) -> None:
    plan = office.plan(task_type="departing", source="database")
    GONE[plan] = lambda: office.app.manager.delete(plan)
    asked = office.app.manager.run_now(plan, force=True, send=False)
    office.app.worker.work(Message((asked.job_id,), office.clock.now()))
    assert office.app.manager.job(asked.job_id).status is Status.FAILED
    office.run("backup_monitor", START + HOUR / 12)
    assert [subject for _, subject in office.messages()] == ["Backup failed: tenant"]


def test_a_backup_that_failed_or_was_missed_is_an_alert(
    office: Office, staff: Path, tmp_path: Path
) -> None:
    office.run("database_backup")
    office.run("backup_monitor")
    staff.rename(tmp_path / "elsewhere.db")
    failed = office.run("database_backup", office.clock.now() + HOUR)
    assert failed.status is Status.FAILED
    office.run("backup_monitor")
    who, subject = office.messages()[0]
    assert who == "ada@example.com", "known from before, though the database is gone"
    assert subject.startswith("Backup failed:")
    assert "there is no such file" in office.text()
    office.clock.set(START + timedelta(days=1, hours=3))  # 00:00 of the next day was slept through
    office.app.dispatcher.tick(office.clock.now(), "test")
    office.run("backup_monitor")
    assert any(subject.startswith("Backup missed:") for _, subject in office.messages())


def test_a_source_without_a_fresh_backup_is_an_alert_and_its_age_is_told(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.run("database_backup")
    with caplog.at_level(logging.INFO):
        office.run("backup_monitor", START + timedelta(hours=23))
    (age,) = events(caplog, Event.BACKUP_AGE)
    assert (age["source"], age["database"]) == ("database", "company")
    assert age["age_seconds"] == 23 * 3600
    assert not events(caplog, Event.BACKUP_TOO_OLD)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        for hours in (26.5, 27):
            office.run("backup_monitor", START + timedelta(hours=hours))
    assert len(events(caplog, Event.BACKUP_TOO_OLD)) == 2
    subjects = [subject for _, subject in office.messages()]
    assert sum(one.startswith("No backup of database/company") for one in subjects) == 1


def test_a_plan_that_is_off_is_told_of_once_an_hour(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.app.manager.enable("database_backup", False)
    office.clock.set(START.replace(second=0))
    with caplog.at_level(logging.INFO):
        for _ in range(24):
            office.run("backup_monitor")
            office.clock.advance(HOUR / 12)
    told = events(caplog, Event.BACKUP_PLAN_OFF)
    assert [one["schedule_id"] for one in told] == ["database_backup"] * 2
    assert not events(caplog, Event.BACKUP_TOO_OLD)


def test_upkeep_copies_what_is_missing_and_removes_what_is_old(
    azurite: Azurite, staff: Path
) -> None:
    office = Office(
        azurite,
        staff,
        BACKUP_DESTINATIONS="offsite",
        BACKUP_OFFSITE_CONTAINER=f"offsite{next(_prefixes)}",
    )

    def plan(**values: object) -> None:
        office.app.manager.change(
            "database_backup",
            lambda one: replace(one, definition=replace(one.definition, task_parameters=values)),
        )

    def lies() -> list[set[str]]:
        found = office.app.backups().look().backups
        return [{copy.destination for copy in one.good} for one in found]

    plan(destinations=["primary"], retention={"days": 30})
    for day in range(3):
        job = office.run("database_backup", START + timedelta(days=day))
        assert job.status is Status.SUCCEEDED, job.error
    assert lies() == [{"primary"}] * 3
    plan(retention={"count": 2})
    upkeep = office.run("backup_upkeep")
    result: Any = upkeep.result
    assert (result["copied"], len(result["removed"])) == (2, 1)
    assert lies() == [{"primary", "offsite"}] * 2
    again = office.run("backup_upkeep", office.clock.now() + HOUR)
    assert again.result == {"copied": 0, "removed": [], "failed": {}}


def test_a_plan_that_cannot_be_looked_after_keeps_no_other_from_it(office: Office) -> None:
    made = office.app.manager.get("database_backup")
    whole = {"source": "database"}
    other = replace(made.definition, task_type="backup", task_parameters=whole, enabled=False)
    broken = office.app.manager.create(other, made.policy)
    office.run(broken.id)
    for day in range(2):
        office.run("database_backup", START + timedelta(days=day))
    for plan, values in (
        (broken.id, {"source": "database", "destinations": ["nosuch"]}),
        ("database_backup", {"retention": {"count": 1}}),
    ):
        office.app.manager.change(
            plan,
            lambda one, to=values: replace(  # type: ignore[misc]
                one, definition=replace(one.definition, task_parameters=to)
            ),
        )
    upkeep = office.run("backup_upkeep")
    result: Any = upkeep.result
    assert "no backup destination 'nosuch'" in result["failed"][broken.id]
    assert len(result["removed"]) == 1


def test_what_a_plan_took_that_cannot_be_read_is_neither_copied_nor_removed(
    office: Office,
) -> None:
    plan = office.plan(source="database")
    ids = {taken(office.run(plan, START + timedelta(hours=hours))) for hours in (0, 1)}
    office.set(plan, source="database", retention={"count": 0})
    office.run("database_backup")
    office.set("database_backup", retention={"count": 1})
    office.run("database_backup", office.clock.now() + HOUR)
    upkeep = office.run("backup_upkeep")
    result: Any = upkeep.result
    assert list(result["failed"]) == [plan]
    assert result["failed"][plan].startswith("it cannot be read: task_parameters.retention.count: ")
    found = office.app.backups().look().backups
    assert ids == {one.id for one in found if one.summary.schedule_id == plan}


@pytest.fixture
def server() -> Iterator[Postgres]:
    """PostgreSQL with two databases and its own."""
    with scratch() as folder, local_postgres.start(folder) as running:
        for name in ("shop", "old"):
            execute(hurried(running).url("postgres"), f"CREATE DATABASE {name}")
        yield running


def test_a_database_that_is_gone_is_told_once_and_is_not_late(
    azurite: Azurite,
    staff: Path,
    server: Postgres,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def open_office() -> Office:
        return Office(
            azurite,
            staff,
            BELFRY_PREFIX="wgone",
            BACKUP_CONTAINER="watchgone",
            POSTGRES_URL=server.url("postgres"),
            POSTGRES_BIN=str(server.bin),
        )

    office = open_office()
    plan = office.plan(source="postgres", databases="all")
    assert office.run(plan).status is Status.SUCCEEDED
    execute(server.url("postgres"), "DROP DATABASE old")
    late: Any = office.run("backup_monitor", START + timedelta(hours=27)).result
    assert (late["gone"], "postgres/old" in late["too_old"]) == ([], True)
    again = office.run(plan, START + timedelta(hours=27, minutes=10))
    assert again.status is Status.SUCCEEDED, again.error
    office = open_office()  # nothing of it is in a process
    caplog.clear()
    with caplog.at_level(logging.INFO):
        for hours in (28, 29, 40):
            monitor = office.run("backup_monitor", START + timedelta(hours=hours))
            result: Any = monitor.result
            assert result["gone"] == ["postgres/old"]
            assert "postgres/old" not in result["too_old"]
            subjects = [subject for _, subject in office.messages()]
            assert subjects.count("Database gone: postgres/old") == 1
    of_old = [e for e in events(caplog, Event.BACKUP_AGE) if e.get("database") == "old"]
    assert of_old == [], "its age is no measure any more"
    assert len(events(caplog, Event.BACKUP_DATABASE_GONE)) == 3
    found = office.app.backups().look()
    (stand,) = [one for one in office.app.backups().standings(found) if one.database == "old"]
    assert stand.gone_at == again.started_at and stand.last_good is not None
    assert "old was not found in postgres any more (" in stand.sentence
    monkeypatch.setattr(plans, "app", lambda: office.app)
    shown = plans.read(plan)
    assert shown.last_good is not None and shown.last_good.started_at == again.started_at
    with pytest.raises(Conflict, match="never deleted"):
        office.delete(stand.last_good.id, force=True)
    execute(server.url("postgres"), "CREATE DATABASE old")
    assert office.run(plan, START + timedelta(hours=50)).status is Status.SUCCEEDED
    back: Any = office.run("backup_monitor", START + timedelta(hours=51)).result
    assert back["gone"] == [] and "postgres/old" not in back["too_old"]
