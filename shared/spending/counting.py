"""What was spent of a budget, and whether a job may start: pure.

1. A job counts once, in the day or month in which it ended.
2. While it runs, what it may cost is reserved: what the runs of its schedule usually cost.
3. It starts if what was spent and what is reserved for others is below the budget.
4. If what was spent alone is not below it, the job is skipped. If only the reservations are in the
   way, it waits until some of them have ended.

So a budget is overshot by what the last job cost that started, and by what those that run with it
cost beyond their reservations; never by as many jobs as start at the same instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from shared.spending.model import Budget, Span, shown

_SLOWLY = Decimal("0.1")
"""How much of the way a reservation falls towards what a cheaper run cost."""
_KNOWN = 200
"""Of how many schedules a counter knows what their runs cost: those with the dearest runs."""
_STEP = Decimal("0.000001")
NEAR = Decimal("0.8")
"""From this part of a budget on, the log says that it is nearly used up."""
REFUSES = "the budget of "
"""How the reason of a job begins that a budget kept from running."""
_FIRST_SECONDS = 60
"""A schedule's first run reserves an instance for so long, or for its time-out if that is less."""
GRACE = timedelta(minutes=10)
"""How long a reservation outlives the time-out of its attempt."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that ended."""

    job_id: str
    schedule_id: str
    micros: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Reserved:
    """What a job may cost that runs."""

    micros: Decimal
    until: datetime
    """When it counts no longer: its attempt is over, and its end was not counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counter:
    """What was spent in one day or month."""

    kind: str = ""
    """As of the budget that it was counted for."""
    name: str = ""
    """The day or month."""
    begin: datetime | None = None
    micros: Decimal = Decimal()
    jobs: int = 0
    over_since: datetime | None = None
    told: str = ""
    """The amount that people were told of as used up."""
    learned: Mapping[str, Decimal] = field(default_factory=dict)
    """By schedule, what a run of it is expected to cost."""

    def turned(self, budget: Budget, span: Span) -> Counter:
        """The counter of that span: this one, or a new one if it is of another. One of a later span
        stays, since the clock that says so may be ahead."""
        if self.kind == budget.kind and self.begin is not None and self.begin >= span.begin:
            return self
        return Counter(
            kind=budget.kind, name=span.name, begin=span.begin, learned=dict(self.learned)
        )

    def plus(self, budget: Budget, jobs: Iterable[Ended]) -> Counter:
        """With these jobs counted. Those of another span only teach what runs cost."""
        micros, number, since = self.micros, self.jobs, self.over_since
        learned = dict(self.learned)
        for job in sorted(jobs, key=lambda one: (one.at, one.job_id)):
            before = learned.get(job.schedule_id)
            learned[job.schedule_id] = expected(before, job.micros)
            if budget.span(job.at).name == self.name:
                micros, number = micros + job.micros, number + 1
                since = since or (job.at if micros >= budget.micros else None)
        dearest = sorted(learned.items(), key=lambda one: one[1], reverse=True)[:_KNOWN]
        return replace(
            self,
            micros=micros.quantize(_STEP),
            jobs=number,
            over_since=since if micros >= budget.micros else None,
            learned=dict(sorted(dearest)),
        )

    def plus_moved(self, budget: Budget, micros: Decimal, at: datetime) -> Counter:
        """With something counted that no job did."""
        spent = (self.micros + micros).quantize(_STEP)
        since = (self.over_since or at) if spent >= budget.micros else None
        return replace(self, micros=spent, over_since=since)


class May(StrEnum):
    """Whether a job may start."""

    START = "start"
    WAIT = "wait"
    NOT = "not"


def may_start(budget: Budget, counter: Counter, others: Iterable[Reserved], now: datetime) -> May:
    """Whether a job may start beside `others`, which run."""
    if counter.micros >= budget.micros:
        return May.NOT
    reserved = sum((one.micros for one in others if one.until > now), Decimal())
    return May.START if counter.micros + reserved < budget.micros else May.WAIT


def expected(before: Decimal | None, cost: Decimal) -> Decimal:
    """What a run is expected to cost after one that cost so much: the dearest, slowly forgotten."""
    if before is None or cost >= before:
        return cost.quantize(_STEP)
    return (before + (cost - before) * _SLOWLY).quantize(_STEP)


def reservation(
    counter: Counter, schedule_id: str, timeout: int, second: Decimal, now: datetime
) -> Reserved:
    """What is reserved for an attempt. `second`: what an instance costs a second."""
    first = second * min(timeout, _FIRST_SECONDS)
    micros = counter.learned.get(schedule_id, first)
    return Reserved(micros.quantize(_STEP), now + timedelta(seconds=timeout) + GRACE)


def crossed(before: Counter, after: Counter, budget: Budget) -> bool:
    """Whether the budget is nearly used up now, and was not before."""
    near = budget.micros * NEAR
    was = before.micros if before.name == after.name else Decimal()
    return was < near <= after.micros


def used_up(budget: Budget, counter: Counter, span: Span) -> str:
    """Why a job does not run, and what can be done."""
    return (
        f"{REFUSES}{budget.scope} is used up: {shown(counter.micros, budget.currency)} of "
        f"{shown(budget.micros, budget.currency)} were spent in {span.name} ({budget.timezone}); "
        f"it runs again from {span.end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} on, "
        "or when the budget is raised "
        f"(PUT {budget.scope.path})"
    )
