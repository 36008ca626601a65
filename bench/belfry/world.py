"""A storage account of the bench, schedules in it, and an app on it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from azure.storage.queue import QueueClient

from shared.app import App, build
from shared.clock import Clock, SystemClock
from shared.recurrence import Frequency, Recurrence
from shared.schedules.model import Definition, Policy, Progress, Schedule
from shared.settings import from_env
from shared.storage.tables.changes import Change
from shared.tasks import JobContext, Params, Registry, Result, task

FIRST_LONG = 900_000
"""The number of the first schedule whose runs are long."""
_ZONE = ZoneInfo("Europe/Berlin")
_HALF_A_DAY = timedelta(hours=12)
_LATE = Policy(misfire_grace_seconds=30 * 86400, timeout_seconds=60)
_LONG = replace(_LATE, timeout_seconds=3600)
"""More than ten minutes: so the engine knows that a run may be long."""


class Line(Params):
    """What a job of the bench is given."""

    number: int = 0
    long_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Jobs:
    """What the bench's task does: sleeps, and appends a line to a file (bench/peers/ledger.py)."""

    path: Path | None = None
    seconds: float = 0.0
    starts: bool = False
    """The line is written when the job starts, not at its end."""
    keys: Path | None = None
    """A folder of idempotency keys, each a job's id: a line whose key is there is not written
    again. For the kills, where a job may have a second attempt."""

    def registry(self) -> Registry:
        """The task, alone. A long run writes its line when it starts, into a file of its own."""
        file, long_file = _opened(self.path), _opened(long_path(self.path))

        @task("bench", timeout_seconds=60)
        def bench(job: JobContext, params: Line) -> Result:
            """Writes a line."""
            if params.long_seconds:
                _write(long_file, params.number, job.due_at)
                job.stop.wait(params.long_seconds)
                return {}
            if self.starts:
                _write(file, params.number, job.due_at)
            if self.seconds:
                job.stop.wait(self.seconds)
            if self.keys is not None and not _first(self.keys / job.job_id):
                return {"refused": 1}
            if not self.starts:
                _write(file, params.number, job.due_at)
            return {}

        return Registry([bench])


class Tasks(Protocol):
    """What an app of the bench runs."""

    def registry(self) -> Registry:
        """The tasks."""
        ...


def long_path(path: Path | None) -> Path | None:
    """Where long runs write, beside `path`."""
    return None if path is None else path.with_name(f"{path.name}.long")


def _opened(path: Path | None) -> int:
    return -1 if path is None else os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def _write(file: int, number: int, due_at: datetime) -> None:
    if file >= 0:
        line = f"{number:06d} {due_at.timestamp():017.6f} {time.time():017.6f}\n"
        os.write(file, line.encode())


def _first(key: Path) -> bool:
    try:
        os.close(os.open(key, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def receiving(belfry: App, name: str) -> QueueClient:
    """A queue of the app's account by Microsoft's client, as a host receives from it."""
    text = belfry.settings.storage.connection_string.reveal()
    return QueueClient.from_connection_string(text, name)


def app(
    connection_string: str,
    prefix: str,
    *,
    shards: int,
    jobs: Tasks,
    at_once: int = 50,
    lease_seconds: int = 60,
    transport: Any = None,
    clock: Clock | None = None,
) -> App:
    """An app on the account, not prepared. `at_once`: jobs of an instance; 0: as it comes."""
    settings = from_env(
        {
            "AzureWebJobsStorage": connection_string,
            "BELFRY_PREFIX": prefix,
            "SCHEDULE_SHARDS": str(shards),
            "JOB_LEASE_SECONDS": str(lease_seconds),
        }
        | ({"JOBS_PER_INSTANCE": str(at_once)} if at_once else {})
    )
    registry = jobs.registry()
    return build(settings, clock or SystemClock(), tasks=registry, transport=transport)


def daily(base: float) -> Recurrence:
    """Each day, at a time that is half a day from `base` (Unix seconds).

    So a schedule that is due at about `base` owes that one occurrence and no other, whatever the
    hour at which the bench runs.
    """
    at = datetime.fromtimestamp(base, _ZONE) + _HALF_A_DAY
    cron = f"{at.minute} {at.hour} * * *"
    return Recurrence(frequency=Frequency.CRON, cron_expression=cron, timezone=_ZONE.key)


def load(belfry: App, n: int, base: float, step: float = 0, *, long_seconds: float = 0) -> None:
    """Store `n` daily schedules; the k-th is due at `base + k * step` (Unix seconds, whole).

    `long_seconds`: what a run takes, if it is long; such schedules are others than the usual ones.
    """
    _commit(belfry, [Change(None, one) for one in schedules(n, base, step, long_seconds)])


def again(belfry: App, base: float) -> None:
    """Make every schedule due once more, at `base` (Unix seconds, whole)."""
    at = datetime.fromtimestamp(int(base), UTC)
    stored = list(belfry.table.schedules())
    moved = [replace(one, progress=replace(one.progress, next_run_at=at)) for one in stored]
    _commit(belfry, [Change(*pair) for pair in zip(stored, moved, strict=True)])


def schedules(n: int, base: float, step: float = 0, long_seconds: float = 0) -> Iterator[Schedule]:
    """What `load` stores."""
    recurrence = daily(base)
    first, more = (FIRST_LONG, {"long_seconds": long_seconds}) if long_seconds else (0, {})
    for place in range(n):
        number = first + place
        at = datetime.fromtimestamp(int(base + place * step), UTC)
        yield Schedule(
            id=f"s{number:06d}",
            definition=Definition(
                name=f"Schedule number {number}",
                task_type="bench",
                recurrence=recurrence,
                task_parameters={"number": number, **more},
            ),
            policy=_LONG if long_seconds else _LATE,
            progress=Progress(next_run_at=at),
            created_at=at,
            updated_at=at,
        )


def _commit(belfry: App, changes: list[Change]) -> None:
    made = sorted(changes, key=lambda one: belfry.table.shard(one.after.id))
    won = belfry.table.commit(made)
    assert all(won)
