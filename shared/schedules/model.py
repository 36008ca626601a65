"""A schedule, in three parts that never share a field.

`Definition` and `Policy` are what the user decided; `Progress` is what the engine counted. The
user's side is written by the API, the engine's by the tick and the worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.recurrence import Recurrence, next_run
from shared.redaction import masked
from shared.schedules.job import is_manual, percent
from shared.schedules.spent import NOTHING, Spent
from shared.settings import UNSET, Secret
from shared.tracing.parent import trace_id

LONG_SECONDS = 600
"""A schedule whose attempts may take longer than this runs among the long jobs."""


class CatchUp(StrEnum):
    """What happens to occurrences that came due while nothing could run them."""

    NONE = "none"
    """The latest starts if it is within its grace; the others are recorded as missed."""
    LATEST = "latest"
    """The latest starts, however late; the others are recorded as missed."""
    ALL = "all"
    """Every one starts, however late, oldest first: a few at a time, and of a long outage only the
    latest `catch_up_limit`; older ones are recorded as missed. One that came due before the running
    one was begun is not skipped for it, but waits its turn."""


class Overlap(StrEnum):
    """What happens to a run that comes due while an earlier one of its schedule has not ended.

    An earlier one has not ended while it runs, and while it waits for its next attempt.
    """

    SKIP = "skip"
    """It is recorded as skipped."""
    BUFFER_ONE = "buffer_one"
    """It waits; if one waits already, it is recorded as skipped."""
    BUFFER_ALL = "buffer_all"
    """It waits its turn, oldest first."""
    CANCEL_OTHER = "cancel_other"
    """The earlier one is told to stop; it starts when that one has ended."""
    ALLOW_ALL = "allow_all"
    """It runs beside the earlier one."""


class Band(StrEnum):
    """What becomes of a run that is unlike those before it (`schedules.band`)."""

    ALERT = "alert"
    """People are told."""
    SHOW = "show"
    """Its health says so, and nobody is told."""
    OFF = "off"
    """Runs are not compared."""


_QUEUEING = frozenset({Overlap.BUFFER_ONE, Overlap.BUFFER_ALL, Overlap.CANCEL_OTHER})


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """How the engine treats a schedule's runs."""

    misfire_grace_seconds: int = 900
    """How late a run may start, counted from its effective time (due time and jitter)."""
    catch_up: CatchUp = CatchUp.NONE
    catch_up_limit: int = 100
    overlap: Overlap = Overlap.SKIP
    jitter_seconds: int = 0
    """A run starts up to this much after its due time: how much is a hash of its job's id."""
    max_runs: int | None = None
    """How many runs the schedule starts by itself in all; after them it has none to come."""
    pause_after_failures: int | None = None
    """How many failed jobs in a row pause the schedule until a person enables it."""
    timeout_seconds: int = 600
    """Of one attempt."""
    max_attempts: int = 3
    retry_delay_seconds: int = 30
    """Before the second attempt; doubles with each further one."""
    max_retry_delay_seconds: int = 900
    band: Band = Band.ALERT

    @property
    def queues(self) -> bool:
        """Whether a run may wait for another of its schedule to end."""
        catches_up = self.overlap is Overlap.SKIP and self.catch_up is CatchUp.ALL
        return catches_up or self.overlap in _QUEUEING


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """What is to run, and when."""

    name: str
    task_type: str
    recurrence: Recurrence
    project_id: int | None = None
    description: str = ""
    task_parameters: Mapping[str, object] = field(default_factory=dict)
    enabled: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)
    """What people find it by, and its jobs carry: names with values."""
    heartbeat_url: Secret = UNSET
    """What is told that its runs begin and end (`shared.heartbeats`)."""

    @property
    def heartbeat_shown(self) -> str | None:
        """The same without what makes it a secret."""
        return masked(self.heartbeat_url.reveal()) if self.heartbeat_url else None


ASKS = "waits for approval"
"""How `held` begins if a person must approve the job."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveJob:
    """A job that has not ended, as its schedule's row holds it."""

    id: str
    due_at: datetime
    available_at: datetime
    """Not to be started before: its effective time, or the end of its back-off."""
    jitter: int = 0
    """Seconds from its due time to its effective time."""
    attempt: int = 0
    """Attempts begun so far."""
    started_at: datetime | None = None
    """When the last attempt started."""
    first_started_at: datetime | None = None
    """When the first attempt started. An attempt that was given back (its instance went down) uses
    up none of the attempts, but counts as the start all the same: the run began in time (`begun`),
    and may have had effects. None also if the row is of a version that did not keep it."""
    worker: str | None = None
    """Who runs it, while `lease_until` lasts."""
    lease_until: datetime | None = None
    error: str | None = None
    """The error of the attempt before."""
    cancel: str | None = None
    """Why it was told to stop, if it was."""
    held: str | None = None
    """What it waits for, if its task cannot go on yet (`errors.Held`)."""
    woken: bool = False
    """Whether it was woken while it ran: if it is then held, it starts again at once."""
    forced: bool = False
    """Whether the person who asked for it insists on what its task would leave out as needless."""
    spent: Spent = NOTHING
    """What the attempts before used."""
    taken_over: int = 0
    """How often a lease of it ended because its worker was gone, and another took the job over."""
    trace: str | None = None
    """The `traceparent` of what caused it: each attempt is a part of that (`shared.tracing`)."""

    @property
    def trace_id(self) -> str | None:
        """The id of its trace; None if it has none, or the trace is not kept."""
        return trace_id(self.trace)

    @property
    def effective_at(self) -> datetime:
        """When it is to start: its due time and its jitter."""
        return self.due_at + timedelta(seconds=self.jitter)

    @property
    def running(self) -> bool:
        return self.worker is not None

    @property
    def asks(self) -> bool:
        """Whether it waits for a person to approve it (`engine.work.gates`)."""
        return (self.held or "").startswith(ASKS)

    @property
    def begun(self) -> bool:
        """Whether an attempt was made, even one that was given back and does not count; only such
        a job can have ended without the row knowing."""
        return self.attempt > 0 or self.started_at is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Backfilling:
    """A backfill that has not ended, as its schedule's row holds it; `backfill` moves it on. What
    was asked for, which does not change, is in a row of its own."""

    id: str
    pace: int
    """How many of its jobs may wait or run at once."""
    at: datetime | None
    """The due time of the last job handed out; None: of none yet."""
    handed_out: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    skipped: int = 0
    """Of those handed out: how many ended, and how."""
    cancel: str | None = None
    """Why it hands out no more, if it was cancelled."""
    exhausted: bool = False
    """Whether there is no occurrence left to hand out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """What the engine knows of a schedule."""

    next_run_at: datetime | None = None
    """The first occurrence that was not handed out yet; None if there is none to come."""
    live: tuple[LiveJob, ...] = ()
    """Jobs that have not ended, and ended ones that were not folded into the counts yet."""
    success_count: int = 0
    failure_count: int = 0
    skipped_count: int = 0
    missed_count: int = 0
    cancelled_count: int = 0
    handed_out: int = 0
    """Runs that the schedule started by itself; what `max_runs` is compared with."""
    failures_in_row: int = 0
    """Failed jobs since the last that succeeded, or since a person enabled the schedule."""
    paused_reason: str | None = None
    """Why the engine paused the schedule, if it did."""
    paused_at: datetime | None = None
    last_run_at: datetime | None = None
    ended_at: datetime | None = None
    """When the last job that was begun ended: from then on the next may run."""
    last_due_at: datetime | None = None
    """The latest due time of its own jobs that ended."""
    last_error: str | None = None
    backfill: Backfilling | None = None
    """The backfill that has not ended, if there is one."""
    backfilled_at: datetime | None = None
    """When the last job of a backfill ended: a run of the schedule's own may have waited for it."""

    @property
    def run_count(self) -> int:
        return self.success_count + self.failure_count

    @property
    def may_have_succeeded(self) -> bool:
        """Whether a run may have succeeded; also of a row in which the last jobs are not folded.
        (Runs of a backfill alone are not seen here.)"""
        return self.success_count > 0 or bool(self.live)

    @property
    def success_rate(self) -> float | None:
        """In percent, to one decimal place; None before the first run."""
        return percent(self.success_count, self.run_count)

    def find(self, job_id: str) -> LiveJob | None:
        """The live job of that id."""
        return next((job for job in self.live if job.id == job_id), None)

    def put(self, job: LiveJob) -> Progress:
        """The progress with `job` added, or replacing the job with its id."""
        return replace(self, live=(*self.without(job.id).live, job))

    def without(self, job_id: str) -> Progress:
        """The progress without the live job of that id."""
        return replace(self, live=tuple(other for other in self.live if other.id != job_id))


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """When a task runs, with which parameters, in which zone, under which policies."""

    id: str
    definition: Definition
    policy: Policy = Policy()
    progress: Progress = Progress()
    revision: int = 1
    """Grows with every change of the definition or the policy."""
    configured: str = ""
    """Of a system schedule: what code and settings last said, so that a change there is seen."""
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None
    etag: str = ""

    @property
    def is_on(self) -> bool:
        """Whether it may start runs by itself: enabled, not deleted, not paused."""
        on = self.definition.enabled and self.deleted_at is None
        return on and self.progress.paused_reason is None

    @property
    def is_long(self) -> bool:
        """Whether its jobs may last: they have a queue and a function of their own, so that no
        short job waits behind them."""
        return self.policy.timeout_seconds > LONG_SECONDS

    @property
    def runs_left(self) -> int | None:
        """How many runs `max_runs` leaves; None for no limit."""
        most = self.policy.max_runs
        return None if most is None else max(0, most - self.progress.handed_out)

    def owes(self, by: datetime) -> bool:
        """Whether an occurrence due by then was neither handed out nor recorded."""
        upcoming = self.progress.next_run_at
        return upcoming is not None and upcoming <= by

    def resumed(self) -> Schedule:
        """The schedule with its pause ended, and failures counted anew: for when a person enables
        it."""
        progress = replace(self.progress, paused_reason=None, paused_at=None, failures_in_row=0)
        return replace(self, progress=progress)

    def rescheduled(self, now: datetime) -> Schedule:
        """The schedule with `next_run_at` computed anew, and what was handed out ahead taken back.

        A job that is not due yet belongs to the old recurrence: its message will find no job. A job
        that a person asked for stays.
        """
        floor = self.floor(now)
        ahead = [job for job in self.progress.live if job.due_at > floor and not is_manual(job.id)]
        taken_back = replace(
            self.progress,
            live=tuple(job for job in self.progress.live if job not in ahead),
            handed_out=max(0, self.progress.handed_out - len(ahead)),
        )
        after = replace(self, progress=taken_back)
        goes_on = after.is_on and after.runs_left != 0
        upcoming = next_run(self.definition.recurrence, floor) if goes_on else None
        return replace(after, progress=replace(taken_back, next_run_at=upcoming))

    def floor(self, now: datetime) -> datetime:
        """`now`, or the latest later due time whose job already began or ended: it was cancelled
        ahead of its time, or ran by a clock that is ahead. It gets no second job.
        """
        begun = [job.due_at for job in self.progress.live if job.begun and not is_manual(job.id)]
        return max([now, self.progress.last_due_at or now, *begun])


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """What a schedule was to run from an instant on, kept so that a change leaves the past alone.

    Occurrences after `since`, up to the next version's, are those of `recurrence`; None: none.
    The next is the first of this revision that begins later, or of a later revision.
    """

    schedule_id: str
    revision: int
    """The schedule's, when it was written."""
    since: datetime
    recurrence: Recurrence | None
    reason: str
    """What began it: created, changed, turned off, deleted, paused, max_runs reached."""

    @staticmethod
    def of(schedule: Schedule, since: datetime, reason: str) -> Version:
        """What `schedule` is to run after `since`."""
        expects = schedule.progress.next_run_at is not None
        return Version(
            schedule_id=schedule.id,
            revision=schedule.revision,
            since=since,
            recurrence=schedule.definition.recurrence if expects else None,
            reason=reason,
        )
