"""What the tests of Belfry's own state share: a busy bench, its dump, and its restore elsewhere."""

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
from tests.integration.engine.conftest import START, Bench, make, tap

_numbers = itertools.count()


def prefix() -> str:
    return f"st{next(_numbers)}"


def source(bench: Bench, tmp_path: Path) -> StateSource:
    settings = bench.app.settings
    return StateSource(
        bench.app.connection, settings.prefix, settings.schedule_shards, temp=tmp_path
    )


def dumped(bench: Bench, tmp_path: Path, job: JobContext | None = None) -> tuple[bytes, Contents]:
    with source(bench, tmp_path).dump(job or job_of(clock=bench.clock)) as dump:
        return b"".join(dump.chunks), dump.contents


def restored(
    bench: Bench,
    tmp_path: Path,
    content: bytes,
    target: Target | None = None,
    job: JobContext | None = None,
) -> Restored:
    chunks = iter([content[:1000], content[1000:]])
    work = job or job_of(clock=bench.clock)
    return source(bench, tmp_path).restore(chunks, target or Target(), work)


def table(bench: Bench, name: str | None = None) -> Any:
    return sdk.table(bench.app, name or Names(bench.app.settings.prefix).table)


def rows(bench: Bench, name: str | None = None) -> dict[tuple[str, str], Any]:
    """What is kept of a table, by its keys."""
    found = {
        (row["PartitionKey"], row["RowKey"]): row for row in table(bench, name).list_entities()
    }
    passing = ("due:", "log:", "slots:", "hold:", "handed:", "clock")
    return {key: row for key, row in found.items() if not key[1].startswith(passing)}


def due(bench: Bench) -> set[str]:
    return {row["RowKey"] for row in table(bench).list_entities() if "due:" in row["RowKey"]}


def scratch_tables(bench: Bench) -> list[str]:
    tables = sdk.tables(bench.app).list_tables()
    start = f"{bench.app.settings.prefix}scratch"
    return [one.name for one in tables if one.name.startswith(start)]


def fresh(bench: Bench, azurite: Azurite, *, tasks: tuple[Task, ...] = ()) -> Bench:
    """A Belfry on tables of its own that do not exist, at the same time as the other."""
    environ = {"SCHEDULE_SHARDS": str(bench.app.settings.schedule_shards)}
    made = make(azurite, prefix(), clock=bench.clock, tasks=tasks, environ=environ)
    tap(made)
    table(made).delete_table()
    return made


def catch_up(bench: Bench) -> list[Job]:
    """Sweep and tick, and work: what has to wait asks again, and that is not for now."""
    bench.calls.hold.set()
    bench.app.sweep.sweep(bench.clock.now())
    bench.tick()
    return [job for _ in range(3) for job in bench.work()]


def reconciled(bench: Bench) -> None:
    span = Span(START - timedelta(days=1), bench.clock.now())
    made = bench.app.ledger.reconcile(lambda: None, span)
    assert (made.named, made.good) == ([], True)


def every(seconds: int) -> Recurrence:
    return Recurrence(frequency=Frequency.INTERVAL, interval_seconds=seconds, start_time=START)


def busy(bench: Bench) -> dict[str, Schedule]:
    """Schedules of several kinds, some of them after a life."""
    made = {
        "minutely": bench.add(),
        "fails": bench.add("fails", pause_after_failures=1, max_attempts=1),
        "waits": bench.add("waits", recurrence=every(300)),
        "cron": bench.add(
            recurrence=Recurrence(
                frequency=Frequency.CRON,
                cron_expression="*/2 * * * *",
                timezone="America/New_York",
            ),
            catch_up=CatchUp.ALL,
            overlap=Overlap.BUFFER_ALL,
            description="ü 💾 '\"",
            tags=("a", "b"),
        ),
        "twice": bench.add(max_runs=2),
        "off": bench.add(),
        "gone": bench.add(),
        "daily": bench.add(recurrence=Recurrence(frequency=Frequency.DAILY)),
    }
    bench.work()
    for _ in range(4):
        bench.later(60)
        bench.tick()
        bench.work()
    bench.app.manager.enable(made["off"].id, False)
    bench.app.manager.delete(made["gone"].id)
    bench.app.manager.run_now(made["daily"].id, force=True)
    bench.work()
    return made


@task("nightly", cron="0 3 * * *", timeout_seconds=60)
def nightly(job: JobContext, params: Params) -> Result:
    """A task with a time of its own."""
    return {}
