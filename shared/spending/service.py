"""What people do with budgets: set, read and remove them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from shared.access import Caller
from shared.audit.port import Action, Audit, Subject
from shared.clock import Clock
from shared.errors import Invalid, NotFound
from shared.recurrence import InvalidRecurrence, zone
from shared.settings import Prices
from shared.spending.counting import Counter
from shared.spending.known import Known
from shared.spending.model import Budget, Period, Scope, Span
from shared.spending.store import Store

MOST = 1000
"""The most budgets; each process holds them all in memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a person gives."""

    micros: Decimal
    currency: str | None
    period: Period
    timezone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A budget, and how it stands."""

    budget: Budget
    counter: Counter
    reserved: Decimal
    """What may yet be spent by what runs now."""
    span: Span
    holds: bool
    """False: it is in another currency than the prices, so nothing is held against it."""

    @property
    def left(self) -> Decimal:
        """What is left, without what is reserved; never less than nothing."""
        return max(self.budget.micros - self.counter.micros, Decimal())


class Spending:
    """The commands. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(
        self, store: Store, known: Known, prices: Prices, audit: Audit, clock: Clock
    ) -> None:
        self._store = store
        self._known = known
        self._prices = prices
        self._audit = audit
        self._clock = clock

    def all(self) -> list[Budget]:
        """Every budget, of projects first."""
        return sorted(self._store.budgets(), key=lambda one: one.scope)

    def standing(self, budget: Budget) -> Standing:
        """How a budget stands now."""
        now = self._clock.now()
        span = budget.span(now)
        account = self._store.account(budget.scope)
        running = account.running.values()
        return Standing(
            budget=budget,
            counter=account.counter.turned(budget, span),
            reserved=sum((one.micros for one in running if one.until > now), Decimal()),
            span=span,
            holds=budget.currency == self._prices.currency,
        )

    def get(self, scope: Scope) -> Budget:
        """The budget of a project or a schedule. Raises `NotFound`."""
        found = self._store.budget(scope)
        if found is None:
            raise NotFound(f"there is no budget of {scope}; PUT {scope.path} sets one")
        return found

    def put(self, by: Caller, scope: Scope, project_id: int | None, wanted: Wanted) -> Budget:
        """Set a budget. What was spent in its day or month counts on, if these stay the same.
        Raises `Invalid`."""
        self._hold(scope, wanted)
        before = self._store.budget(scope)
        budget = Budget(
            scope=scope,
            micros=wanted.micros,
            currency=self._prices.currency,
            period=wanted.period,
            timezone=wanted.timezone,
            set_at=self._clock.now(),
            set_by=by.name,
        )
        action = Action.CREATE if before is None else Action.CHANGE
        old = None if before is None else _said(before)
        with self._audit.changing(by, action, _subject(scope, project_id), old) as change:
            self._store.put(budget)
            change.after = _said(budget)
        self._known.forget()
        return budget

    def remove(self, by: Caller, scope: Scope, project_id: int | None) -> None:
        """Remove a budget. Raises `NotFound`."""
        before = self.get(scope)
        with self._audit.changing(by, Action.DELETE, _subject(scope, project_id), _said(before)):
            self._store.remove(scope)
        self._known.forget()

    def _hold(self, scope: Scope, wanted: Wanted) -> None:
        if wanted.currency not in (None, self._prices.currency):
            raise Invalid(
                "currency", f"costs are in {self._prices.currency} (PRICE_CURRENCY); use that"
            )
        try:
            zone.find(wanted.timezone)
        except InvalidRecurrence as error:
            raise Invalid("timezone", error.message) from None
        known = {one.scope for one in self._store.budgets()}
        if scope not in known and len(known) >= MOST:
            raise Invalid("amount", f"there are {MOST:,} budgets, the most there can be")


def _subject(scope: Scope, project_id: int | None) -> Subject:
    return Subject("budget", scope.key, project_id)


def _said(budget: Budget) -> Mapping[str, object]:
    return {
        "amount_micros": str(budget.micros),
        "currency": budget.currency,
        "period": budget.period.value,
        "timezone": budget.timezone,
    }
