"""A storage account of the bench, schedules in it, and an app on it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.app import App, build
from shared.clock import SystemClock
from shared.recurrence import Frequency, Recurrence
from shared.schedules.model import Definition, Policy, Progress, Schedule
from shared.settings import from_env
from shared.storage.schedules import Change
from shared.tasks import JobContext, Params, Registry, Result, task

DAILY = Recurrence(frequency=Frequency.CRON, cron_expression="0 3 * * *", timezone="Europe/Berlin")
_LATE = Policy(misfire_grace_seconds=30 * 86400, timeout_seconds=60)


@dataclass(frozen=True, slots=True)
class Jobs:
    """What the bench's task does: sleeps, and appends a line to a file (bench/peers/ledger.py)."""

    path: Path | None = None
    seconds: float = 0.0
    keys: Path | None = None
    """A folder of idempotency keys, each a job's id: a line whose key is there is not written
    again. For the kills, where a job may have a second attempt."""

    def registry(self) -> Registry:
        """The task, alone."""
        file = -1 if self.path is None else os.open(self.path, os.O_WRONLY | os.O_APPEND)
        never = threading.Event()

        class Line(Params):
            number: int = 0

        @task("bench", params=Line, timeout_seconds=60)
        def bench(job: JobContext, params: Line) -> Result:
            """Writes a line."""
            if self.seconds:
                never.wait(self.seconds)
            if self.keys is not None and not _first(self.keys / job.job_id):
                return {"refused": 1}
            if file >= 0:
                line = f"{params.number:06d} {job.due_at.timestamp():017.6f} {time.time():017.6f}\n"
                os.write(file, line.encode())
            return {}

        return Registry([bench])


def _first(key: Path) -> bool:
    try:
        os.close(os.open(key, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def app(
    connection_string: str,
    prefix: str,
    *,
    shards: int,
    jobs: Jobs,
    lease_seconds: int = 60,
    transport: Any = None,
) -> App:
    """An app on the account, not prepared. Fifty jobs at once."""
    settings = from_env(
        {
            "AzureWebJobsStorage": connection_string,
            "BELFRY_PREFIX": prefix,
            "SCHEDULE_SHARDS": str(shards),
            "JOBS_PER_INSTANCE": "50",
            "JOB_LEASE_SECONDS": str(lease_seconds),
        }
    )
    return build(settings, SystemClock(), registry=jobs.registry(), transport=transport)


def load(belfry: App, n: int, base: float, step: float = 0) -> None:
    """Store `n` daily schedules; the k-th is due at `base + k * step` (Unix seconds, whole)."""
    made = sorted(_schedules(n, base, step), key=lambda one: belfry.table.shard(one.id))
    won = belfry.table.commit([Change(None, one) for one in made])
    assert all(won)


def _schedules(n: int, base: float, step: float) -> Iterator[Schedule]:
    for number in range(n):
        at = datetime.fromtimestamp(int(base + number * step), UTC)
        yield Schedule(
            id=f"s{number:06d}",
            definition=Definition(
                name=f"Schedule number {number}",
                task_type="bench",
                recurrence=DAILY,
                task_parameters={"number": number},
            ),
            policy=_LATE,
            progress=Progress(next_run_at=at),
            created_at=at,
            updated_at=at,
        )
