"""What the engine asks of budgets (`engine.work.budgets`), and counts from the feed of jobs.

A job is counted when its worker has written its end. If the worker is killed between the two, the
job is in the feed of ended jobs, and is counted when that is packed. Either way it counts once
(`store.count`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from shared.clock import Clock
from shared.engine.work.budgets import Full, Over
from shared.errors import BelfryError, Conflict
from shared.jobs.entry import Entry
from shared.log import Event, event
from shared.schedules.job import RAN, Job, backfill_of, is_manual, is_of_batch, run_of
from shared.schedules.model import LiveJob, Schedule
from shared.schedules.spent import NOTHING, total
from shared.settings import Prices
from shared.spending.counting import (
    Counter,
    Ended,
    May,
    crossed,
    may_start,
    reservation,
    used_up,
)
from shared.spending.known import Known
from shared.spending.model import Budget, Of
from shared.spending.store import AT_ONCE, Account, Store
from shared.spending.telling import Telling
from shared.storage.tables.compare_and_set import compare_and_set

_logger = logging.getLogger("belfry.spending")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Answer:
    refused: Over | Full | None


_YES = _Answer(None)


class SpendMeter:
    """The budgets, as the engine knows them."""

    def __init__(
        self,
        store: Store,
        known: Known,
        telling: Telling,
        prices: Prices,
        clock: Clock,
        find: Callable[[Iterable[str]], Iterable[Job]],
    ) -> None:
        """`find`: jobs that have ended, by their ids."""
        self._store = store
        self._known = known
        self._telling = telling
        self._prices = prices
        self._clock = clock
        self._find = find
        self._second = prices.gb_second * Decimal(prices.memory_mb) / 1024
        self._pruned_at: float | None = None

    def ask(self, schedule: Schedule, live: LiveJob) -> Over | Full | None:
        """As in `Budgets`. A job that was begun goes on, and so does one that a person asked for:
        whether that may run was decided when it was asked for. What a batch asked for, or a step of
        a workflow is, is held as an occurrence is: nobody decided of each."""
        before = schedule.progress.find(live.id)
        asked_for = is_manual(live.id) and backfill_of(live.id) is None and not is_of_batch(live.id)
        asked_for = asked_for and run_of(schedule.id) is None
        goes_on = asked_for or (before is not None and before.begun)
        reserved: list[Budget] = []
        for budget in self._known.of(schedule.id, schedule.definition.project_id):
            refused = self._reserve(budget, schedule, live.id, goes_on=goes_on)
            if refused is not None:
                for one in reserved:
                    self._release(one, live.id)
                return refused
            reserved.append(budget)
        return None

    def refusal(
        self, schedule_id: str, project_id: int | None, *, of: Of | None = None
    ) -> str | None:
        """Why a run that a person asks for should not take place; None if nothing is used up. `of`:
        only budgets of those."""
        now = self._clock.now()
        budgets = self._known.of(schedule_id, project_id)
        for budget in (one for one in budgets if of in (None, one.scope.of)):
            span = budget.span(now)
            counter = self._store.account(budget.scope).counter.turned(budget, span)
            if may_start(budget, counter, (), now) is May.NOT:
                return used_up(budget, counter, span)
        return None

    def ended(self, jobs: Sequence[Job]) -> None:
        """As in `Budgets`."""
        try:
            self._count(jobs)
        except BelfryError as error:
            event(
                _logger,
                Event.BUDGET_UNCOUNTED,
                level=logging.WARNING,
                jobs=len(jobs),
                error=str(error),
            )

    def moved(self, schedule_id: str, project_id: int | None, count: int) -> None:
        """Count bytes that were sent and received for a schedule or a project, but not by one of
        its jobs. Raises nothing; what cannot be counted now is not counted."""
        micros = total(replace(NOTHING, transfer_bytes=count), self._prices)
        try:
            for budget in self._known.of(schedule_id, project_id) if micros else ():
                self._add(budget, micros)
        except BelfryError as error:
            event(
                _logger,
                Event.BUDGET_UNCOUNTED,
                level=logging.WARNING,
                bytes=count,
                error=str(error),
            )

    def follow(self, entries: Sequence[Entry], check: Callable[[], None]) -> None:
        """Count those jobs of the feed that were not counted when they ended. Raises `Unavailable`
        or `Refused` if storage fails: then the feed keeps them."""
        budgets: dict[Budget, list[str]] = {}
        for entry in entries:
            if entry.status in RAN or entry.began is not None:
                for budget in self._known.of(entry.schedule_id, entry.project_id):
                    budgets.setdefault(budget, []).append(entry.id)
        missing: set[str] = set()
        for budget, job_ids in budgets.items():
            check()
            missing |= set(job_ids) - self._store.counted(budget.scope, job_ids)
        if missing:
            self._count([*self._find(sorted(missing))])
        for budget in budgets:  # whoever counted may have been killed before it told
            now = self._clock.now()
            counter = self._store.account(budget.scope).counter
            self._telling.over(budget, counter.turned(budget, budget.span(now)), now)
        self._prune(check)

    def _prune(self, check: Callable[[], None]) -> None:
        now = self._clock.monotonic()
        if self._pruned_at is None or now - self._pruned_at >= _DAY.total_seconds():
            self._store.prune(self._clock.now(), check)
            self._pruned_at = now

    def _reserve(
        self, budget: Budget, schedule: Schedule, job_id: str, *, goes_on: bool
    ) -> Over | Full | None:
        def attempt() -> _Answer | None:
            now = self._clock.now()
            span = budget.span(now)
            before = self._store.account(budget.scope)
            counter = before.counter.turned(budget, span)
            others = [one for key, one in before.running.items() if key != job_id]
            may = May.START if goes_on else may_start(budget, counter, others, now)
            if may is May.NOT:
                self._telling.over(budget, counter, now)
                return _Answer(Over(used_up(budget, counter, span)))
            if may is May.WAIT:
                return _Answer(Full())
            timeout = schedule.policy.timeout_seconds
            mine = reservation(counter, schedule.id, timeout, self._second, now)
            made = self._store.reserve(budget.scope, before, counter, job_id, mine)
            return _YES if made else None

        try:
            return compare_and_set(_name(budget), attempt).refused
        except Conflict:  # too many at once: its turn comes
            return None if goes_on else Full()

    def _release(self, budget: Budget, job_id: str) -> None:
        def attempt() -> bool | None:
            before = self._store.account(budget.scope)
            if job_id not in before.running:
                return True
            return self._store.release(budget.scope, before, job_id) or None

        compare_and_set(_name(budget), attempt)

    def _add(self, budget: Budget, micros: Decimal) -> None:
        def attempt() -> bool | None:
            now = self._clock.now()
            before = self._store.account(budget.scope)
            counter = before.counter.turned(budget, budget.span(now))
            after = counter.plus_moved(budget, micros, now)
            if not self._store.mark(budget.scope, before, after):
                return None
            self._told(budget, before, after, now)
            return True

        compare_and_set(_name(budget), attempt)

    def _told(self, budget: Budget, before: Account, after: Counter, now: datetime) -> None:
        if crossed(before.counter, after, budget):
            self._telling.nearly(budget, after)
        self._telling.over(budget, after, now)

    def _count(self, jobs: Iterable[Job]) -> None:
        budgets: dict[Budget, list[Ended]] = {}
        for job in jobs:
            if job.attempt and job.finished_at is not None:
                micros = total(job.spent or NOTHING, self._prices)
                over = Ended(job.id, job.schedule_id, micros, job.finished_at)
                for budget in self._known.of(job.schedule_id, job.project_id):
                    budgets.setdefault(budget, []).append(over)
        for budget, some in budgets.items():
            for start in range(0, len(some), AT_ONCE):
                self._count_in(budget, some[start : start + AT_ONCE])

    def _count_in(self, budget: Budget, jobs: Sequence[Ended]) -> None:
        left = [*jobs]

        def attempt() -> bool | None:
            now = self._clock.now()
            before = self._store.account(budget.scope)
            counter = before.counter.turned(budget, budget.span(now))
            after = counter.plus(budget, left)
            if not left or self._store.count(budget.scope, before, after, left, now):
                self._told(budget, before, after, now)
                return True
            known = self._store.counted(budget.scope, [one.job_id for one in left])
            left[:] = [one for one in left if one.job_id not in known]
            return None

        compare_and_set(_name(budget), attempt)


def _name(budget: Budget) -> str:
    return f"the budget of {budget.scope}"
