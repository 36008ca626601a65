"""The ledger, read from storage: one schedule's occurrences, and every schedule's reconciled.

Others write while it reads: between two requests, schedules change, and jobs are handed out or end.
So a schedule's row and its versions are read until they belong together, and jobs are read after
the row. What looks wrong is read again, and counts only if it looks the same twice.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from shared.archive.jobs import EndedJobs
from shared.clock import Clock
from shared.errors import Invalid, NotFound
from shared.log import Event, event
from shared.schedules.job import Job, is_manual
from shared.schedules.ledger import (
    OPEN,
    Account,
    Occurrence,
    Span,
    State,
    account,
    expected,
    how_many,
    is_expected,
    last_left,
    may_have_missed,
    with_calendars,
)
from shared.schedules.model import Schedule, Version
from shared.storage.tables import entities
from shared.storage.tables.facts import Meta
from shared.storage.tables.schedules import Place, ScheduleTable
from shared.threads import Pool

NAMED = 50
"""The most occurrences that a result names."""
MOST = 100_000
"""The most occurrences that the span of one listing may have."""

_BACK = timedelta(hours=26)
_LONGEST = timedelta(days=31)
_SETTLING = timedelta(minutes=2)
"""Occurrences that came due less than this long ago are left to the next run."""
_PAGE = 250
_BATCH = 100
_AT_ONCE = 4
_READINGS = 4
_MARK = "reconciled"
_ROUND = "reconciled.round"
"""How far the round over all schedules has come."""
SLICE = 5_000
"""How many schedules of all are looked at in a run, by their rows alone."""
_RESOLUTION = timedelta(microseconds=1)

_logger = logging.getLogger("belfry.ledger")


@dataclass(frozen=True, slots=True)
class _Tally:
    """The counts of one schedule."""

    schedule_id: str
    states: Counter[State] = field(default_factory=Counter)
    open_since: datetime | None = None
    """The first occurrence that has not ended yet."""
    unexplained: tuple[Occurrence, ...] = ()
    unexpected: tuple[Occurrence, ...] = ()
    error: str | None = None
    """Why its rows cannot be read, if so."""


@dataclass(kw_only=True, slots=True)
class Reconciled:
    """How everything that was expected in a span ended."""

    span: Span
    schedules: int = 0
    """How many were checked: those of which something may have been expected or done then."""
    states: Counter[State] = field(default_factory=Counter)
    unexpected: int = 0
    broken: int = 0
    """Schedules whose rows cannot be read, so that nothing can be said of them."""
    named: list[str] = field(default_factory=list)
    """The first that are unexplained, unexpected or broken."""
    open_since: datetime | None = None

    @property
    def unexplained(self) -> int:
        return self.states[State.UNEXPLAINED]

    @property
    def good(self) -> bool:
        """Whether everything that was expected is explained, and there was nothing else."""
        return not (self.unexplained or self.unexpected or self.broken)

    def result(self) -> Mapping[str, object]:
        """The counts, as a task's result."""
        return {
            "since": self.span.after.isoformat(),
            "until": self.span.until.isoformat(),
            "schedules": self.schedules,
            "expected": self.states.total(),
            **{state.value: self.states[state] for state in State if state is not State.HELD},
            "unexpected": self.unexpected,
            "broken": self.broken,
            "named": self.named,
        }

    def __str__(self) -> str:
        first = f": {', '.join(self.named)}" if self.named else ""
        return (
            f"of {self.states.total()} occurrences expected from {self.span.after.isoformat()} to "
            f"{self.span.until.isoformat()}, {self.unexplained} are unexplained; "
            f"{self.unexpected} jobs are unexpected, {self.broken} schedules unreadable{first}"
        )

    def add(self, tally: _Tally) -> None:
        """Add a schedule's counts, and log what is wrong with it."""
        self.schedules += 1
        self.states += tally.states
        self.unexpected += len(tally.unexpected)
        if tally.open_since is not None:
            self.open_since = min(tally.open_since, self.open_since or tally.open_since)
        for one in tally.unexplained:
            self._tell(Event.OCCURRENCE_UNEXPLAINED, tally.schedule_id, one)
        for one in tally.unexpected:
            self._tell(Event.OCCURRENCE_UNEXPECTED, tally.schedule_id, one)
        if tally.error is not None:
            self.broken += 1
            self._name(tally.schedule_id)
            event(
                _logger,
                Event.SCHEDULE_BROKEN,
                level=logging.ERROR,
                schedule_id=tally.schedule_id,
                error=tally.error,
            )

    def _tell(self, what: Event, schedule_id: str, one: Occurrence) -> None:
        self._name(one.job_id)
        event(
            _logger,
            what,
            level=logging.ERROR,
            schedule_id=schedule_id,
            due_at=one.due_at,
            job_id=one.job_id,
        )

    def _name(self, name: str) -> None:
        if len(self.named) < NAMED:
            self.named.append(name)


class Ledger:
    """The ledger, bound to its stores."""

    def __init__(self, table: ScheduleTable, ended: EndedJobs, meta: Meta, clock: Clock) -> None:
        self._table = table
        self._ended = ended
        self._meta = meta
        self._clock = clock

    def occurrences(
        self, schedule_id: str, span: Span, page: int, size: int
    ) -> tuple[list[Occurrence], int]:
        """(a page of the span's occurrences, oldest first; how many there are in all). Between
        them are those that calendars held back, at most `size` more, which are not counted.

        Works for a deleted schedule too. Raises `NotFound`, and `Invalid` if there are too many to
        count.
        """
        schedule, versions = self._known(schedule_id)
        last = last_left(schedule, self._clock.now(), span.until, MOST)
        due = expected(versions, Span(span.after, last), MOST + 1)
        if len(due) > MOST:
            raise Invalid("to", f"more than {MOST} occurrences are in that span; ask for a shorter")
        wanted = due[(page - 1) * size : page * size]
        found: tuple[Occurrence, ...] = ()
        if wanted:
            part = Span(wanted[0] - _RESOLUTION, wanted[-1])
            found = self._confirmed(schedule, versions, part, size)[0].occurrences
        elif due or page > 1:
            return [], len(due)
        begin = due[(page - 1) * size - 1] if page > 1 else span.after
        end = last if page * size >= len(due) else wanted[-1]
        shown = with_calendars(schedule_id, versions, Span(begin, end), found, size)
        return shown, len(due)

    def reconcile(
        self, check: Callable[[], None], span: Span | None = None, *, every: bool = False
    ) -> Reconciled:
        """Account for what all schedules were to run in `span`; `check` is called now and then.
        What it costs follows what happened in the span, not how many schedules there are; unless
        `every` one is to be checked.

        Default: from 26 hours ago, or from the first occurrence that had not ended the last time,
        if that is longer ago (31 days at most), to 2 minutes ago.
        """
        made = Reconciled(span=span or self._unseen())
        with Pool(_AT_ONCE, "ledger") as pool:
            spans = self._every(made.span) if every else self._to_check(made.span)
            while some := dict(islice(spans, _BATCH)):
                check()
                rows = self._table.rows(some.keys())
                spanned = [(key, row, some[key]) for key, row in rows.items()]
                for tally in pool.map(lambda one: self._tally(*one), spanned):
                    made.add(tally)
        if span is None:
            first = made.open_since
            seen = made.span.until if first is None else first - _RESOLUTION
            self._meta.put(_MARK, seen.isoformat())
        event(
            _logger,
            Event.LEDGER_RECONCILED,
            level=logging.INFO if made.good else logging.ERROR,
            since=made.span.after,
            until=made.span.until,
            expected=made.states.total(),
            unexplained=made.unexplained,
            unexpected=made.unexpected,
            broken=made.broken,
        )
        return made

    def _every(self, span: Span) -> Iterator[tuple[str, Span]]:
        return ((schedule_id, span) for schedule_id in self._table.ids())

    def _to_check(self, span: Span) -> Iterator[tuple[str, Span]]:
        """The schedules of which something may have been expected or done, and in which span.

        Those are the ones whose rows were written since the span began, or which owe something; and
        of a slice of all, which moves on with each run, those whose recurrence says that something
        was due since their rows were written. That finds one whose next run was written too late.
        """
        seen: set[str] = set()
        for schedule_id in self._table.touched(span.after, span.until):
            seen.add(schedule_id)
            yield schedule_id, span
        place = self._meta.value(_ROUND)
        after = Place(*json.loads(place)) if place else None
        some, reached = self._table.written(after, SLICE)
        earliest = span.until - _LONGEST
        for schedule, written in some:
            if schedule.id not in seen and may_have_missed(schedule, written, span.until):
                yield schedule.id, Span(max(written, earliest), span.until)
        self._meta.put(_ROUND, "" if reached is None else json.dumps(reached))

    def _unseen(self) -> Span:
        now = self._clock.now()
        seen = self._meta.value(_MARK)
        after = now - _BACK if seen is None else min(now - _BACK, datetime.fromisoformat(seen))
        return Span(max(after, now - _LONGEST), now - _SETTLING)

    def _tally(self, schedule_id: str, row: Mapping[str, Any], span: Span) -> _Tally:
        try:
            schedule = entities.to_schedule(row, row["etag"])
            gone = schedule.deleted_at is not None and schedule.deleted_at < span.after
            if gone and not schedule.progress.live:
                return _Tally(schedule_id)
            return _total(schedule_id, self._pages(schedule, span))
        except (ValueError, KeyError, TypeError) as error:
            return _Tally(schedule_id, error=repr(error))

    def _pages(self, schedule: Schedule, span: Span) -> Iterator[Account]:
        """The span's account, some occurrences at a time: a job's row may be long.

        The rest of a stretch is counted at once, however many occurrences it has.
        """
        versions = self._table.versions(schedule.id)
        while span.after < span.until:
            made, until = self._confirmed(schedule, versions, span, _PAGE)
            yield made
            if made.stretch is not None and until < span.until:
                rest = Span(until, min(made.stretch.due_until, span.until))
                if self._is_all_of_it(schedule, versions, made.stretch, rest):
                    state = State(made.stretch.status.value)
                    yield Account(
                        occurrences=(), unexpected=(), alike={state: how_many(versions, rest)}
                    )
                    until = rest.until
            span = Span(until, span.until)

    def _is_all_of_it(
        self, schedule: Schedule, versions: list[Version], stretch: Job, part: Span
    ) -> bool:
        """Whether a part of a stretch has no job of its own, and the stretch ends at one of the
        schedule's due times. If not, its occurrences must be looked at one by one."""
        live = (job for job in schedule.progress.live if not is_manual(job.id))
        ended = self._ended.jobs(schedule.id, part.after, part.until)
        own = any(job.due_at in part for job in live) or any(
            job.due_at in part and not job.manual for job in ended
        )
        return not own and is_expected(versions, stretch.due_until)

    def _confirmed(
        self, schedule: Schedule, versions: list[Version], span: Span, limit: int
    ) -> tuple[Account, datetime]:
        """The account of a span's first `limit` occurrences, and the time that it goes up to.

        What is wrong in it was found wrong twice, the second time after reading anew.
        """
        before: frozenset[str] = frozenset()
        for _ in range(_READINGS):
            due = expected(versions, span, limit)
            part = Span(span.after, due[-1]) if len(due) == limit else span
            made = self._account(schedule, due, part)
            wrong = frozenset(one.job_id for one in (*_unexplained(made), *made.unexpected))
            if wrong <= before:
                break
            before = wrong
            schedule, versions = self._known(schedule.id)
        return made, part.until

    def _account(self, schedule: Schedule, due: list[datetime], part: Span) -> Account:
        """The account by the jobs due in that part. A stretch that began before it is looked for
        only if something is left unexplained, since there are few."""
        jobs = self._ended.jobs(schedule.id, part.after, part.until)
        made = account(schedule, due, part, jobs)
        left = _unexplained(made)
        stretch = self._ended.stretch(schedule.id, left[0].due_at) if left else None
        return made if stretch is None else account(schedule, due, part, [*jobs, stretch])

    def _known(self, schedule_id: str) -> tuple[Schedule, list[Version]]:
        """A schedule's row and its versions, with no change of the schedule between the two."""
        schedule = self._table.get(schedule_id)
        if schedule is None:
            raise NotFound(f"there is no schedule {schedule_id!r}")
        versions = self._table.versions(schedule_id)
        for _ in range(_READINGS):
            schedule = self._table.get(schedule_id) or schedule
            again = self._table.versions(schedule_id)
            if again == versions:
                break
            versions = again
        return schedule, versions


def _total(schedule_id: str, pages: Iterable[Account]) -> _Tally:
    states: Counter[State] = Counter()
    open_since: datetime | None = None
    unexplained: list[Occurrence] = []
    unexpected: list[Occurrence] = []
    for made in pages:
        states.update(one.state for one in made.occurrences)
        states.update(made.alike)
        still = (one.due_at for one in made.occurrences if one.state in OPEN)
        open_since = open_since or next(still, None)
        unexplained += _unexplained(made)
        unexpected += made.unexpected
    return _Tally(schedule_id, states, open_since, tuple(unexplained), tuple(unexpected))


def _unexplained(made: Account) -> list[Occurrence]:
    return [one for one in made.occurrences if one.state is State.UNEXPLAINED]
