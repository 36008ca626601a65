"""What the API takes and returns for budgets."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, WithJsonSchema

from shared.api.fields import Input, Zone
from shared.api.lists import Paged
from shared.api.shown import Shown
from shared.spending.model import MICROS, Of, Period
from shared.spending.service import Standing, Wanted

_Amount = Annotated[
    Decimal,
    Field(ge=0, le=10**9, decimal_places=6),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 10**9}),
]


class NewBudget(Input):
    """How much may be spent."""

    amount: _Amount
    """In units of the currency, with six decimals at most; 0: nothing runs."""
    currency: str | None = Field(default=None, pattern="^[A-Z]{3}$")
    """That of the prices (`PRICE_CURRENCY`), which is the default."""
    period: Period
    """What it is for: each day, or each month."""
    timezone: Zone = "UTC"
    """Whose days and months they are."""

    def wanted(self) -> Wanted:
        return Wanted(
            micros=self.amount * MICROS,
            currency=self.currency,
            period=self.period,
            timezone=self.timezone,
        )


class BudgetOut(Shown):
    """A budget, and how it stands. Amounts are in units of the currency, and estimates."""

    of: Of
    id: str
    """The project's number, or the schedule's id."""
    amount: float
    currency: str
    period: Period
    timezone: str
    set_at: datetime
    set_by: str
    begins_at: datetime
    """When its present day or month began."""
    ends_at: datetime
    """When the next one begins, with nothing spent."""
    spent: float
    """By jobs that ended since it began, and since the budget was first set."""
    reserved: float
    """For jobs that run."""
    left: float
    """What is left, without what is reserved."""
    jobs: int
    """How many jobs that was."""
    over_since: datetime | None
    """Since when it is used up; null while it is not."""
    holds: bool
    """False: `PRICE_CURRENCY` is another currency now, so it keeps nothing from running."""

    @classmethod
    def of_standing(cls, one: Standing) -> Self:
        budget, counter = one.budget, one.counter
        return cls(
            of=budget.scope.of,
            id=budget.scope.id,
            amount=_units(budget.micros),
            currency=budget.currency,
            period=budget.period,
            timezone=budget.timezone,
            set_at=budget.set_at,
            set_by=budget.set_by,
            begins_at=one.span.begin,
            ends_at=one.span.end,
            spent=_units(counter.micros),
            reserved=_units(one.reserved),
            left=_units(one.left),
            jobs=counter.jobs,
            over_since=counter.over_since if counter.micros >= budget.micros else None,
            holds=one.holds,
        )


class BudgetList(Paged):
    budgets: list[BudgetOut]


def _units(micros: Decimal) -> float:
    """To a billionth: a short run costs less than a millionth."""
    return round(float(micros) / MICROS, 9)
