"""Which jobs go into the archive: a function of their rows, and of what else is stored.

A job goes when it ended before the border, and when all that it stands for was due before the
border: a stretch that reaches beyond it stays whole. These stay in the table, however old:

- A job that its schedule's row still has among its live jobs. It ended, but is not counted yet. If
  its row were gone, the job would be taken for one that a dead worker left, and would run again.
- The newest job of a schedule, by which people see that it ran, and how. A step of a workflow's run
  is no schedule of anybody's: its only job goes.
- A job that a note names. It is not in the index of jobs yet, and is filed by what its row says.
- A job of which the alerts have not taken over the note. The note has all that an alert says, but
  the alert leads to the job.
- A job whose row cannot be read.

The ledger, series, costs and lists need no job in the table: they read the archive too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from shared.errors import NotFound
from shared.schedules.job import is_manual, parse_id, run_of

LEAST_DAYS = 7
"""The shortest retention. What is younger is in the table, so nobody looks for it in the
archive."""


def border_of(due_at: datetime, retention: timedelta) -> datetime:
    """What ended before that goes: the beginning of a day (UTC), so that a day goes in one
    piece."""
    return (due_at - retention).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An old job, by its row."""

    key: str
    job_id: str
    schedule_id: str
    due_at: datetime
    until: datetime
    """The last due time that it stands for."""

    @property
    def manual(self) -> bool:
        return is_manual(self.job_id)


@dataclass(slots=True)
class Kept:
    """What a shard's other rows say of jobs that must stay."""

    live: set[str] = field(default_factory=set)
    """Ids of jobs that are in their schedules' rows."""
    noted: set[str] = field(default_factory=set)
    """Ids of jobs that notes name: of jobs that are not filed, or for the alerts."""
    last_due: dict[str, datetime] = field(default_factory=dict)
    """Of each schedule, the latest due time that was counted."""
    unreadable: set[str] = field(default_factory=set)
    """Schedules whose rows cannot be read: nobody knows which of their jobs are live."""


class Newest(Enum):
    """Whether a job may be its schedule's newest."""

    YES = "yes"
    NO = "no"
    ASK = "ask"
    """The rows that were read do not tell."""


def candidate(row: Mapping[str, Any], border: datetime) -> Candidate | None:
    """The job of a row, if it is old enough; None if it is not, or cannot be read.

    The row needs its key, `due_at`, `finished_at`, and `last_due_at` if it has one.
    """
    try:
        key = str(row["RowKey"])
        job_id = key.rpartition(":")[2]
        schedule_id, due_at = parse_id(job_id)
        ended = datetime.fromisoformat(row["finished_at"])
        until = datetime.fromisoformat(row.get("last_due_at") or row["due_at"])
        same = datetime.fromisoformat(row["due_at"]) == due_at
        old = max(ended, until, due_at) < border
        return Candidate(key, job_id, schedule_id, due_at, until) if old and same else None
    except (KeyError, ValueError, TypeError, NotFound):
        return None


def stays(one: Candidate, kept: Kept) -> bool:
    """Whether something that is stored still needs its row."""
    return one.job_id in kept.live or one.job_id in kept.noted or one.schedule_id in kept.unreadable


def newest(one: Candidate, kept: Kept, border: datetime) -> Newest:
    """Whether the first old job of a schedule, in the order of keys, is its newest of all.

    A later occurrence that was counted tells that it is not. For a schedule that has not run for
    long, its own last job is known by its due time. Runs that people asked for are not counted so.
    """
    if run_of(one.schedule_id) is not None:
        return Newest.NO
    last = kept.last_due.get(one.schedule_id)
    if last is None:
        return Newest.ASK
    if last >= border:
        return Newest.NO
    return Newest.YES if not one.manual and one.until == last else Newest.ASK
