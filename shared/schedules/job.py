"""A job: the execution of one occurrence, or of one request. Its id says which.

`nightly-20261120T030000Z` is the occurrence of schedule `nightly` due at that second: the id is a
function of the two, so all who hand the occurrence out, even twice or at once, name one job. A
request by a person has a last part of its own: `nightly-20261120T101502Z-k3f9`. So has a job that
repeats another: `nightly-20261120T030000Z-r1` or `-k3f9r1`; the next repeats end in `r2`. A job of
a backfill has the backfill's id there, `b` and five more: `nightly-20261120T030000Z-b3f9k2`. No
other request has a part of that length that begins so.

A *stretch* stands for many occurrences in a row that ended in the same way without running, such as
those of an outage. It has the id and the due time of the first of them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from shared.errors import NotFound
from shared.schedules.spent import Spent
from shared.tracing.parent import trace_id

SCHEDULE_ID = "[a-z][a-z0-9_]{0,39}"
"""What a schedule's id looks like, whole."""
_ID = re.compile(
    rf"(?P<schedule>{SCHEDULE_ID})-(?P<due>\d{{8}}T\d{{6}}Z)(?:-(?P<by>[a-z0-9]{{1,40}}))?"
)
_OF_RUN = re.compile(r"(w[0-9][a-z0-9]{14})_[a-z0-9_]{1,23}")
"""The schedule of one step of a workflow's run; no task has such a name."""
_REDO = re.compile(r"g[1-9][0-9]*$")
"""What the schedule of a step ends in that a person had run again from where the run failed."""
_STAMP = "%Y%m%dT%H%M%SZ"
_BACKFILL = re.compile(r"[^-]+-[^-]+-(?P<backfill>b[a-qs-z0-9]{5})(?P<repeats>r[1-9][0-9]*)?")
_OF_BATCH = re.compile(r"[^-]+-[^-]+-i[a-qs-z0-9]{11}")
"""A person's request has eleven letters and digits."""
_BY = re.compile(r"(?P<first>[a-z0-9]*?)(?:r(?P<number>[1-9][0-9]*))?")


def percent(some: int, of: int) -> float | None:
    """To one decimal place, as all rates are shown; None of nothing."""
    return round(100 * some / of, 1) if of else None


class Status(StrEnum):
    """Where a job stands. Every occurrence ends in one of the last five."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """It used up its attempts: a dead letter."""
    SKIPPED = "skipped"
    """A policy kept it from running; `reason` says which."""
    MISSED = "missed"
    """It could not start within its `misfire_grace_seconds`."""
    CANCELLED = "cancelled"


ENDED = frozenset(Status) - {Status.QUEUED, Status.RUNNING}
RAN = frozenset({Status.SUCCEEDED, Status.FAILED})
"""What counts as a run in a schedule's statistics."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One job. What does not apply yet, or never will, is None."""

    id: str
    schedule_id: str
    schedule_name: str
    project_id: int | None
    task_type: str
    status: Status
    due_at: datetime
    jitter: int = 0
    """Seconds from its due time to its effective time."""
    attempt: int = 0
    started_at: datetime | None = None
    """When the last attempt started."""
    first_started_at: datetime | None = None
    """When the first attempt started, as in `LiveJob`."""
    finished_at: datetime | None = None
    worker: str | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)
    result: Mapping[str, object] | None = None
    error: str | None = None
    reason: str | None = None
    log: str = ""
    held: str | None = None
    """As in `LiveJob`; None if it has ended."""
    done: float | None = None
    """How far a running job says it is, from 0 to 1."""
    count: int = 1
    """Occurrences that it stands for: more than one if it is a stretch."""
    last_due_at: datetime | None = None
    """Of a stretch: when the last of them was due."""
    spent: Spent | None = None
    """What its attempts used; None if it ended without one, or before this was measured."""
    taken_over: int = 0
    """As in `LiveJob`; a job that another worker than its own ended counts as taken over too."""
    trace: str | None = None
    """As in `LiveJob`."""
    schedule_tags: Mapping[str, str] = field(default_factory=dict)
    """The tags of its schedule: those of now until it has ended, then those of its end."""
    stretch: str | None = None
    """Of an occurrence within a stretch: the id of the stretch, whose row says how it ended."""

    @property
    def due_until(self) -> datetime:
        """The last due time that it stands for; its own unless it is a stretch."""
        return self.last_due_at or self.due_at

    @property
    def effective_at(self) -> datetime:
        """When it was to start: its due time and its jitter."""
        return self.due_at + timedelta(seconds=self.jitter)

    @property
    def trace_id(self) -> str | None:
        """As of a `LiveJob`."""
        return trace_id(self.trace)

    @property
    def manual(self) -> bool:
        """Whether a person asked for it, rather than the schedule."""
        return is_manual(self.id)

    @property
    def backfill(self) -> str | None:
        """The id of the backfill that it belongs to; None if it belongs to none."""
        return backfill_of(self.id)

    @property
    def retry_of(self) -> str | None:
        """The id of the job that it repeats; None if it repeats none."""
        return retry_of(self.id)

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags of its schedule, with `schedule_id` and `task_type`; of these two names, a
        schedule's own tag does not count."""
        own = {"schedule_id": self.schedule_id, "task_type": self.task_type}
        return {**self.schedule_tags, **own}

    def ended_as(self, other: Job) -> bool:
        """Whether both are the same end of the job. The worker alone does not tell: a job whose
        worker was given up names that worker too, and it may not know."""
        mine, its = (self.status, self.finished_at), (other.status, other.finished_at)
        return self.worker == other.worker and (self.worker is None or mine == its)

    @property
    def cancel_requested(self) -> bool:
        """Whether it is to stop and has not ended: a job that has not ended has no other
        `reason`."""
        return self.status not in ENDED and self.reason is not None

    @property
    def duration_seconds(self) -> float | None:
        """Of the last attempt; None if the job ended later, while nobody worked on it."""
        return None if self.worker is None else _seconds(self.started_at, self.finished_at)

    @property
    def lateness_seconds(self) -> float | None:
        """From the effective time to the start of the first attempt; None for a job that a person
        asked for, which had no expected time."""
        return None if self.manual else _seconds(self.effective_at, self.first_started_at)


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    return None if begin is None or end is None else (end - begin).total_seconds()


def job_id(schedule_id: str, due_at: datetime, request: str = "") -> str:
    """The id of an occurrence's job, or with `request` (letters and digits) of a manual one."""
    stamp = due_at.astimezone(UTC).strftime(_STAMP)
    return "-".join(part for part in (schedule_id, stamp, request) if part)


def is_manual(job_id: str) -> bool:
    """Whether that is the id of a job that a person asked for."""
    return job_id.count("-") == 2


def backfill_of(job_id: str) -> str | None:
    """The id of the backfill that a job belongs to, also one that repeats such a job; None if it
    belongs to none."""
    match = _BACKFILL.fullmatch(job_id)
    return match["backfill"] if match is not None else None


def is_of_batch(job_id: str) -> bool:
    """Whether a batch asked for the job (the operation `run`)."""
    return _OF_BATCH.fullmatch(job_id) is not None


def is_backfill_id(text: str) -> bool:
    """Whether that can be the id of a backfill."""
    return backfill_of(f"s-t-{text}") == text


def retry_id(job_id: str) -> str:
    """The id of the job that repeats that one: asking twice asks for one job."""
    start, first, number = _repeats(job_id)
    return f"{start}-{first}r{number + 1}"


def retry_of(job_id: str) -> str | None:
    """The id of the job that it repeats; None if it repeats none."""
    start, first, number = _repeats(job_id)
    if number == 0:
        return None
    by = f"{first}r{number - 1}" if number > 1 else first
    return f"{start}-{by}" if by else start


def _repeats(job_id: str) -> tuple[str, str, int]:
    """(occurrence, who asked, how many jobs before it in a row of retries)."""
    schedule_id, due, by = [*job_id.split("-"), ""][:3]
    match = _BY.fullmatch(by)
    if match is None:
        raise NotFound(f"there is no job {job_id!r}")
    return f"{schedule_id}-{due}", match["first"], int(match["number"] or 0)


def run_of(schedule_id: str) -> str | None:
    """The id of the workflow's run whose step the schedule is for; None if it is for none."""
    match = _OF_RUN.fullmatch(schedule_id)
    return None if match is None else match[1]


def effect_key(schedule_id: str, job_id: str, part: str = "") -> str:
    """What one effect outside is known by, however often it is attempted: of a workflow's step the
    run, the step and the item (its schedule's id without the redo that it belongs to, `g2`); of
    another schedule the occurrence or the request, also if a person has its job repeated. `part`:
    `JobContext.part`, which tells the items of a batch apart."""
    if run_of(schedule_id) is not None:
        return _REDO.sub("", schedule_id)
    start, first, _ = _repeats(job_id)
    return "-".join(one for one in (start, first, part) if one)


def is_schedule_id(text: str) -> bool:
    """Whether that can be the id of a schedule."""
    return re.fullmatch(SCHEDULE_ID, text) is not None


@functools.lru_cache(4096)
def parse_id(job_id: str) -> tuple[str, datetime]:
    """(schedule id, due at) of a job id. Raises `NotFound` for what cannot be one."""
    match = _ID.fullmatch(job_id)
    if match is None:
        raise NotFound(f"there is no job {job_id!r}")
    try:
        due_at = datetime.fromisoformat(match["due"])
    except ValueError:
        raise NotFound(f"there is no job {job_id!r}") from None
    return match["schedule"], due_at
