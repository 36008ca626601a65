"""What the database says of days: sums by SQL, so that no more rows are read than are shown.

Every query has both bounds of its days: rows of days to come may be there already. Currencies are
never added to each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from shared import money
from shared.data.database import reading
from shared.settings import Secret

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.orm import Session

MEAN_DAYS = 30
"""The days before the report's day over which a mean is taken."""
NO_CURRENCY = "XXX"
"""ISO 4217's code for an amount without a currency: here, of rows whose currency is no code."""


@dataclass(slots=True)
class Sum:
    """What something amounts to, in minor units."""

    day: int = 0
    day_before: int = 0
    earlier: int = 0
    """All of the `MEAN_DAYS` before the day, the day before included."""
    had_earlier: bool = False
    """Whether there was any row on these."""

    def add(self, at: date, day: date, amount: int) -> None:
        """Add what a day had."""
        if at == day:
            self.day += amount
            return
        self.earlier += amount
        self.had_earlier = True
        if at == day - timedelta(days=1):
            self.day_before += amount


@dataclass(slots=True)
class InCurrency:
    """All that there is in one currency, over the days of a report."""

    costs: dict[str, Sum] = field(default_factory=dict)
    """By category."""
    revenue: Sum = field(default_factory=Sum)
    commissions: dict[tuple[int, str], int] = field(default_factory=dict)
    """Of the day alone, by the partner's id and name."""
    cost_by_day: dict[date, int] = field(default_factory=dict)
    revenue_by_day: dict[date, int] = field(default_factory=dict)


Sums = Mapping[str, InCurrency]
"""By currency, in the order of their codes."""


def of(url: Secret, day: date) -> Sums:
    """The sums of a day and the `MEAN_DAYS` before it."""
    found: dict[str, InCurrency] = {}
    with reading(url) as session:
        for currency, at, category, amount in _rows(session, costs(day)):
            one = found.setdefault(currency, InCurrency())
            one.costs.setdefault(category, Sum()).add(at, day, amount)
            one.cost_by_day[at] = one.cost_by_day.get(at, 0) + amount
        for currency, at, amount in _rows(session, revenues(day)):
            one = found.setdefault(currency, InCurrency())
            one.revenue.add(at, day, amount)
            one.revenue_by_day[at] = one.revenue_by_day.get(at, 0) + amount
        for currency, partner, name, amount in _rows(session, commissions(day)):
            one = found.setdefault(currency, InCurrency())
            before = one.commissions.get((partner, name), 0)
            one.commissions[partner, name] = before + amount
    return dict(sorted(found.items()))


def spent(url: Secret, days: tuple[date, date]) -> dict[date, dict[str, int]]:
    """What each of two days that follow each other has cost so far, by currency."""
    found: dict[date, dict[str, int]] = {day: {} for day in days}
    with reading(url) as session:
        for currency, day, amount in _rows(session, spend(days)):
            found[day][currency] = found[day].get(currency, 0) + amount
    return found


def costs(day: date) -> Select[*tuple[Any, ...]]:
    from sqlalchemy import func, select

    from shared.data.models import Cost

    amount = func.sum(Cost.amount_minor)
    return (
        select(Cost.currency, Cost.day, Cost.category, amount)
        .where(Cost.day >= day - timedelta(days=MEAN_DAYS), Cost.day <= day)
        .group_by(Cost.day, Cost.category, Cost.currency)
    )


def revenues(day: date) -> Select[*tuple[Any, ...]]:
    from sqlalchemy import func, select

    from shared.data.models import Revenue

    return (
        select(Revenue.currency, Revenue.day, func.sum(Revenue.amount_minor))
        .where(Revenue.day >= day - timedelta(days=MEAN_DAYS), Revenue.day <= day)
        .group_by(Revenue.day, Revenue.currency)
    )


def commissions(day: date) -> Select[*tuple[Any, ...]]:
    from sqlalchemy import func, select

    from shared.data.models import Commission, Partner

    amount = func.sum(Commission.amount_minor)
    return (
        select(Commission.currency, Commission.partner_id, Partner.name, amount)
        .join(Partner, Partner.id == Commission.partner_id)
        .where(Commission.day == day)
        .group_by(Commission.partner_id, Partner.name, Commission.currency)
    )


def spend(days: tuple[date, date]) -> Select[*tuple[Any, ...]]:
    from sqlalchemy import func, select

    from shared.data.models import Cost

    return (
        select(Cost.currency, Cost.day, func.sum(Cost.amount_minor))
        .where(Cost.day >= days[0], Cost.day <= days[1])
        .group_by(Cost.day, Cost.currency)
    )


def _rows(session: Session, query: Select[*tuple[Any, ...]]) -> Any:
    """The rows, with a currency that is one, and whole amounts (PostgreSQL sums to numeric)."""
    for currency, *others, amount in session.execute(query):
        code = str(currency).strip().upper()
        yield code if money.is_currency(code) else NO_CURRENCY, *others, int(amount)
