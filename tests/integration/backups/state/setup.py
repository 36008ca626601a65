"""What the tests of Belfry's own state share: a busy engine, its dump, its restore elsewhere."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any

from local.azurite import Azurite
from shared.backups.source import Contents, Restored, Target
from shared.backups.state.source import StateSource
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job
from shared.schedules.ledger import Span
from shared.schedules.model import CatchUp, Overlap, Schedule
from shared.storage.names import Names
from shared.tasks import JobContext, Params, Result, Task, task
from tests import sdk
from tests.context import job_of
from tests.integration.engine.conftest import START, Engine, make, tap

_numbers = itertools.count()


def prefix() -> str:
    return f"st{next(_numbers)}"


def source(engine: Engine, tmp_path: Path) -> StateSource:
    settings = engine.app.settings
    return StateSource(
        engine.app.connection, settings.prefix, settings.schedule_shards, temp=tmp_path
    )


def dumped(engine: Engine, tmp_path: Path, job: JobContext | None = None) -> tuple[bytes, Contents]:
    with source(engine, tmp_path).dump(job or job_of(clock=engine.clock)) as dump:
        return b"".join(dump.chunks), dump.contents


def restored(
    engine: Engine,
    tmp_path: Path,
    content: bytes,
    target: Target | None = None,
    job: JobContext | None = None,
) -> Restored:
    chunks = iter([content[:1000], content[1000:]])
    work = job or job_of(clock=engine.clock)
    return source(engine, tmp_path).restore(chunks, target or Target(), work)


def table(engine: Engine, name: str | None = None) -> Any:
    return sdk.table(engine.app, name or Names(engine.app.settings.prefix).table)


def rows(engine: Engine, name: str | None = None) -> dict[tuple[str, str], Any]:
    """What is kept of a table, by its keys."""
    found = {
        (row["PartitionKey"], row["RowKey"]): row for row in table(engine, name).list_entities()
    }
    passing = (
        *("alert:", "audit:", "changed", "due:", "log:", "slots:", "hold:", "handed:", "clock"),
        *("jobs.", "reconciled.", "system.schedules"),
        "index",
    )
    return {key: row for key, row in found.items() if not key[1].startswith(passing)}


def due(engine: Engine) -> set[str]:
    return {row["RowKey"] for row in table(engine).list_entities() if "due:" in row["RowKey"]}


def scratch_tables(engine: Engine) -> list[str]:
    tables = sdk.tables(engine.app).list_tables()
    start = f"{engine.app.settings.prefix}scratch"
    return [one.name for one in tables if one.name.startswith(start)]


def fresh(engine: Engine, azurite: Azurite, *, tasks: tuple[Task, ...] = ()) -> Engine:
    """A Belfry on tables of its own that do not exist, at the same time as the other."""
    environ = {"SCHEDULE_SHARDS": str(engine.app.settings.schedule_shards)}
    made = make(azurite, prefix(), clock=engine.clock, tasks=tasks, environ=environ)
    tap(made)
    table(made).delete_table()
    return made


def catch_up(engine: Engine) -> list[Job]:
    """Sweep and tick, and work: what has to wait asks again, and that is not for now."""
    engine.calls.hold.set()
    engine.app.sweep.sweep(engine.clock.now())
    engine.tick()
    return [job for _ in range(3) for job in engine.work()]


def reconciled(engine: Engine) -> None:
    span = Span(START - timedelta(days=1), engine.clock.now())
    made = engine.app.ledger.reconcile(lambda: None, span)
    assert (made.named, made.good) == ([], True)


def every(seconds: int) -> Recurrence:
    return Recurrence(frequency=Frequency.INTERVAL, interval_seconds=seconds, start_time=START)


def busy(engine: Engine) -> dict[str, Schedule]:
    """Schedules of several kinds, some of them after a life."""
    made = {
        "minutely": engine.add(),
        "fails": engine.add("fails", pause_after_failures=1, max_attempts=1),
        "waits": engine.add("waits", recurrence=every(300)),
        "cron": engine.add(
            recurrence=Recurrence(
                frequency=Frequency.CRON,
                cron_expression="*/2 * * * *",
                timezone="America/New_York",
            ),
            catch_up=CatchUp.ALL,
            overlap=Overlap.BUFFER_ALL,
            description="ü 💾 '\"",
            tags={"a": "", "b": "c"},
        ),
        "twice": engine.add(max_runs=2),
        "off": engine.add(),
        "gone": engine.add(),
        "daily": engine.add(recurrence=Recurrence(frequency=Frequency.DAILY)),
    }
    engine.work()
    for _ in range(4):
        engine.later(60)
        engine.tick()
        engine.work()
    engine.app.manager.enable(made["off"].id, False)
    engine.app.manager.delete(made["gone"].id)
    engine.app.manager.run_now(made["daily"].id, force=True)
    engine.work()
    return made


@task("nightly", cron="0 3 * * *", timeout_seconds=60)
def nightly(job: JobContext, params: Params) -> Result:
    """A task with a time of its own."""
    return {}
