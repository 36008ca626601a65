"""When a run is too late to be of use: it sees the present, whenever it was due. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.errors import Skipped
from shared.log import instant
from shared.probes.model import Result

LATE = timedelta(minutes=1)
_TOO_LATE = timedelta(days=1)


def is_late(due_at: datetime, now: datetime) -> bool:
    """Whether other runs may have looked since it was due."""
    return now - due_at > LATE


def hold(due_at: datetime, job_id: str, last: Result | None, now: datetime) -> None:
    """Raise `Skipped` if a run that looks now would say of the past what is so at present. `last`:
    the newest result. Many late runs, as after an outage or in a backfill, see the same present:
    the first of them counts, else a blip of a second would count as failures in a row."""
    if now - due_at > _TOO_LATE:
        raise Skipped("a health check sees the present, and this run was due over a day ago")
    if last is None or last.job_id == job_id or last.at <= due_at or not is_late(due_at, now):
        return
    due, at = instant(due_at, "seconds"), instant(last.at, "seconds")
    said = f"a health check sees the present, and this run was due at {due}"
    raise Skipped(f"{said}; another one has looked since, at {at}")
