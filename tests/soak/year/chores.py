"""Marks, fees, statuses and reputations, as the documentation promises them (docs/tasks.md)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from tests.soak.year import walls
from tests.soak.year.cast import (
    GRACE,
    MAX_AGE_DAYS,
    POINTS_LOST,
    RECOVERY_DAYS,
    RECOVERY_POINTS,
    THRESHOLDS,
    Tenant,
)
from tests.soak.year.facts import Facts
from tests.soak.year.runs import TASK_ZONE

_WEEK = timedelta(days=7)
_COMMITTED = timedelta(minutes=10)
"""The last ten minutes of a week belong to the next."""


@dataclass(frozen=True, slots=True)
class Fee:
    owner: int
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Change:
    before: int
    after: int
    no_shows: int
    recovered: int


@dataclass(slots=True)
class Chores:
    facts: Facts
    fees: dict[int, Fee] = field(default_factory=dict)
    """By appointment."""
    scores: dict[int, tuple[int, date]] = field(default_factory=dict)
    """By owner: the score, and since when they behave well."""
    changes: dict[tuple[int, date], Change] = field(default_factory=dict)
    """By owner and week."""
    settled: dict[int, date] = field(default_factory=dict)
    """By tenant: the last week."""

    def no_shows(self, due_at: datetime, now: datetime) -> None:
        for one in self.facts.appointments.values():
            grace = timedelta(minutes=GRACE if one.tenant.grace is None else one.tenant.grace)
            oldest = due_at - timedelta(days=MAX_AGE_DAYS)
            if one.status == "planned" and oldest < one.start <= due_at - grace:
                one.status, one.no_show_at = "no_show", now
                if one.tenant.fee is not None:
                    owner = self.facts.pets[one.pet]
                    self.fees[one.id] = Fee(owner, one.tenant.fee, one.tenant.currency)

    def statuses(self, now: datetime) -> None:
        for one in self.facts.vaccinations.values():
            if one.tenant.id in self.facts.broken:
                continue
            left = (one.expires_on - walls.day_of(now, one.tenant.zone)).days
            one.status = (
                "expired" if left <= 0 else "valid" if left > max(THRESHOLDS) else "expiring"
            )

    def reputations(self, due_at: datetime) -> None:
        today = walls.day_of(due_at, TASK_ZONE)
        last = today - timedelta(days=today.isoweekday() % 7)
        for tenant in self.facts.cast.tenants.values():
            week = self.settled.get(tenant.id, last - _WEEK) + _WEEK
            while week <= last:
                self._settle(tenant, week)
                self.settled[tenant.id] = week
                week += _WEEK

    def _settle(self, tenant: Tenant, week: date) -> None:
        end = walls.midnight(week, TASK_ZONE) - _COMMITTED
        begin = walls.midnight(week - _WEEK, TASK_ZONE) - _COMMITTED
        missed = Counter(
            self.facts.pets[one.pet]
            for one in self.facts.appointments.values()
            if one.tenant is tenant and one.no_show_at and begin <= one.no_show_at < end
        )
        for owner in self.facts.cast.owners.values():
            if owner.tenant is tenant:
                self._judge(owner.id, week, missed[owner.id])

    def _judge(self, owner: int, week: date, no_shows: int) -> None:
        score, since = self.scores.get(owner, (100, week))
        if no_shows:
            after = max(0, score - no_shows * POINTS_LOST)
            self.changes[owner, week] = Change(score, after, no_shows, 0)
            self.scores[owner] = after, week
        elif owner in self.scores and score < 100 and (week - since).days >= RECOVERY_DAYS:
            after = min(100, score + RECOVERY_POINTS)
            self.changes[owner, week] = Change(score, after, 0, after - score)
            self.scores[owner] = after, since
