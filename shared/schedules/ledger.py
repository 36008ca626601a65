"""The ledger: what a schedule was to run in a span of time, and what became of each occurrence.

`expected` derives the occurrences from the schedule's versions alone, so that what is expected does
not follow from what was done. `account` compares each of them with what is stored: the rows of
ended jobs, and the schedule's row. An occurrence that is not found is `unexplained`; a job that
nothing expected is a stray. A stretch answers for each occurrence between its two ends that has no
job of its own.

Together they are right about a schedule if its row and versions belong together, and the jobs were
read after the row: a job that ends in between is found among the jobs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from shared.errors import Invalid
from shared.recurrence import Recurrence, count_runs, next_run, observed, occurrences
from shared.recurrence.calendar import Held
from shared.schedules.job import Job, is_manual, job_id
from shared.schedules.model import LiveJob, Schedule, Version
from shared.schedules.plan import jitter_of
from shared.schedules.record import of_live, within


class State(StrEnum):
    """What became of an occurrence. The words of a job's status, and two more."""

    SCHEDULED = "scheduled"
    """It was not handed out yet."""
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    MISSED = "missed"
    CANCELLED = "cancelled"
    HELD = "held"
    """A calendar held it back: it was not expected, and no count has it."""
    UNEXPLAINED = "unexplained"
    """It should have been handed out, but nothing is stored of it: a defect, or a lost row."""


_MOST_RUNS = 50_000
"""How many runs of a span are looked at, for what calendars did to them."""
OPEN = frozenset({State.SCHEDULED, State.QUEUED, State.RUNNING})
"""States of occurrences that have still to end."""


@dataclass(frozen=True, slots=True)
class Span:
    """Due times later than `after`, up to and including `until`."""

    after: datetime
    until: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.after < at <= self.until


@dataclass(frozen=True, kw_only=True, slots=True)
class Occurrence:
    """One due time of a schedule. What does not apply, or not yet, is None."""

    due_at: datetime
    effective_at: datetime
    """When it is to start: its due time and its jitter."""
    state: State
    job_id: str
    started_at: datetime | None = None
    """When its last attempt started."""
    first_started_at: datetime | None = None
    lateness_seconds: float | None = None
    """From its effective time to the start of its first attempt."""
    reason: str | None = None
    calendar: str | None = None
    """The calendar that held it back, or moved it here."""
    moved_from: tuple[datetime, ...] = ()
    """When it would have been due without calendars; several, if these runs were moved onto one
    time. Empty if it was not moved."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """What became of a span."""

    occurrences: tuple[Occurrence, ...]
    """One for each that was expected, oldest first."""
    unexpected: tuple[Occurrence, ...]
    """Jobs that belong neither to a person's request nor to an expected occurrence."""
    alike: Mapping[State, int] = field(default_factory=dict)
    """How many more were expected, by their state, that are not listed."""
    stretch: Job | None = None
    """A stretch that goes on after the span, if there is one."""


@dataclass(frozen=True, slots=True)
class _Reign:
    """A version that expects something, until the next one holds."""

    recurrence: Recurrence
    since: datetime
    until: datetime | None


def expected(versions: Iterable[Version], span: Span, limit: int) -> list[datetime]:
    """The due times of a span, oldest first, at most `limit`.

    Its cost depends on how many it finds, not on how long the versions have held: whether an
    instant is an occurrence of a recurrence does not depend on where one begins to look.
    """
    found: list[datetime] = []
    for recurrence, part in parts_of(versions, span):
        found += islice(occurrences(recurrence, part.after, part.until), limit - len(found))
    return found


def with_calendars(
    schedule_id: str,
    versions: Iterable[Version],
    span: Span,
    found: Iterable[Occurrence],
    most: int,
) -> list[Occurrence]:
    """The occurrences that were found in a span, each with the times from which it was moved, and
    those that calendars held back, oldest first. Of these the earliest, `most` at most."""
    held: list[Occurrence] = []
    moved: dict[datetime, list[tuple[datetime, Held]]] = {}
    for recurrence, part in parts_of(versions, span):
        if recurrence.calendar is None or part.after >= part.until:
            continue
        runs = observed(recurrence)
        for run in islice(runs.runs(*runs.reach(part.after, part.until)), _MOST_RUNS):
            placed = runs.place(run)
            if placed.held is None:
                continue
            if placed.at is not None and placed.at in part:
                moved.setdefault(placed.at, []).append((run, placed.held))
            elif placed.at is None and run in part and len(held) < most:
                held.append(_held(schedule_id, run, placed.held))
    listed = [_moved(one, moved.get(one.due_at, [])) for one in found]
    return sorted([*listed, *held], key=lambda one: one.due_at)


def _held(schedule_id: str, run: datetime, held: Held) -> Occurrence:
    return Occurrence(
        due_at=run,
        effective_at=run,
        state=State.HELD,
        job_id=job_id(schedule_id, run),
        reason=held.reason,
        calendar=held.calendar,
    )


def _moved(one: Occurrence, sources: list[tuple[datetime, Held]]) -> Occurrence:
    if not sources:
        return one
    held = sources[0][1]
    return replace(
        one,
        moved_from=tuple(run for run, _ in sources),
        calendar=held.calendar,
        reason=one.reason or f"moved: {held.reason}",
    )


def how_many(versions: Iterable[Version], span: Span) -> int:
    """How many due times a span has, without listing them."""
    parts = parts_of(versions, span)
    return sum(count_runs(recurrence, part.after, part.until) for recurrence, part in parts)


def is_expected(versions: Iterable[Version], at: datetime) -> bool:
    """Whether that is a due time."""
    return how_many(versions, Span(at - datetime.resolution, at)) > 0


def parts_of(versions: Iterable[Version], span: Span) -> Iterator[tuple[Recurrence, Span]]:
    """Which recurrence holds in which part of a span, oldest first; where none holds, no part."""
    for reign in _reigns(versions):
        until = span.until if reign.until is None else min(span.until, reign.until)
        yield reign.recurrence, Span(max(span.after, reign.since), until)


def may_have_missed(schedule: Schedule, written: datetime, until: datetime) -> bool:
    """Whether something may have come due unnoticed since the schedule's row was last written, by
    that row alone. Most schedules are waiting for their next run: of those nothing could."""
    if not schedule.is_on or schedule.runs_left == 0:
        return False
    upcoming = next_run(schedule.definition.recurrence, written)
    return upcoming is not None and upcoming <= until


def last_left(schedule: Schedule, now: datetime, until: datetime, limit: int) -> datetime:
    """The latest due time that `max_runs` leaves a run for, or `until` if that is earlier.

    Versions tell of `max_runs` only once it is reached. Every occurrence that was not handed out
    takes a run; one that is owed by now is expected anyway, since it may be recorded as missed.
    Raises `Invalid` if there are more than `limit` occurrences to count.
    """
    left, at = schedule.runs_left, schedule.progress.next_run_at
    if left is None or at is None:
        return until
    for _ in range(min(left - 1, limit)):
        at = next_run(schedule.definition.recurrence, at)
        if at is None or at > until:
            return until
    if left > limit:
        raise Invalid("to", f"more than {limit} occurrences come before it; ask for an earlier one")
    return min(until, max(at, now))


def _reigns(versions: Iterable[Version]) -> list[_Reign]:
    """Which recurrence held when, oldest first.

    A later revision ends what earlier ones said, even about times before it begins: a schedule
    whose last run is handed out ahead says that it expects none after that run, and may be changed
    before.
    """
    reigns: list[_Reign] = []
    until: datetime | None = None
    for version in sorted(versions, key=lambda one: (one.revision, one.since), reverse=True):
        holds = until is None or version.since < until
        if holds and version.recurrence is not None:
            reigns.append(_Reign(version.recurrence, version.since, until))
        until = version.since if holds else until
    return reigns[::-1]


def account(
    schedule: Schedule, due: Sequence[datetime], span: Span, jobs: Iterable[Job]
) -> Account:
    """What became of `due`, which is what was expected in `span`.

    `jobs`: those that ended, at least the ones due in the span and the stretch that reaches into
    it. Where a job's row and the schedule's row differ, the job's is right: a job's end is written
    first and counted later.
    """
    jobs = [job for job in jobs if not job.manual]
    stretches = sorted((job for job in jobs if job.count > 1), key=lambda job: job.due_at)
    known = {
        live.id: _of_live(schedule, live)
        for live in schedule.progress.live
        if live.due_at in span and not is_manual(live.id)
    }
    known |= {job.id: _of_job(job) for job in jobs if job.due_at in span}
    found = [_one(schedule, at, known, stretches) for at in due]
    answered = {one.job_id for one in found}
    ends = (_of_job(within(one, one.due_until)) for one in stretches if one.due_until in span)
    strays = {one.job_id: one for one in (*known.values(), *ends) if one.job_id not in answered}
    last = _around(stretches, span.until)
    return Account(
        occurrences=tuple(found),
        unexpected=tuple(sorted(strays.values(), key=lambda one: (one.due_at, one.job_id))),
        stretch=last if last is not None and last.due_until > span.until else None,
    )


def _around(stretches: Sequence[Job], at: datetime) -> Job | None:
    """The stretch that an instant lies in."""
    before = bisect_right(stretches, at, key=lambda one: one.due_at)
    return stretches[before - 1] if before and stretches[before - 1].due_until >= at else None


def _one(
    schedule: Schedule,
    due_at: datetime,
    known: Mapping[str, Occurrence],
    stretches: Sequence[Job],
) -> Occurrence:
    name = job_id(schedule.id, due_at)
    if name in known:
        return known[name]
    if (stretch := _around(stretches, due_at)) is not None:
        return _of_job(within(stretch, due_at))
    upcoming = schedule.progress.next_run_at
    to_come = upcoming is not None and due_at >= upcoming
    return Occurrence(
        due_at=due_at,
        effective_at=due_at + timedelta(seconds=jitter_of(schedule, name)),
        state=State.SCHEDULED if to_come else State.UNEXPLAINED,
        job_id=name,
    )


def _of_live(schedule: Schedule, live: LiveJob) -> Occurrence:
    return _of_job(of_live(schedule, live))


def _of_job(job: Job) -> Occurrence:
    return Occurrence(
        due_at=job.due_at,
        effective_at=job.effective_at,
        state=State(job.status.value),
        job_id=job.id,
        started_at=job.started_at,
        first_started_at=job.first_started_at,
        lateness_seconds=job.lateness_seconds,
        reason=job.reason,
    )
