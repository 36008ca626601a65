"""Costs, revenue and fees, from the company's database: sums by SQL, so that no more rows are read
than there are days and currencies. Amounts in different currencies are never added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared import money
from shared.data import schema
from shared.data.database import reading
from shared.settings import Secret
from shared.weekly.figures import Values
from shared.weekly.port import Said
from shared.weekly.sections.runs import since_first
from shared.weekly.week import Week

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import Select

_NO_CURRENCY = "XXX"
"""ISO 4217's code for an amount without a currency: here, of rows whose currency is no code."""
_NOT_SET = "There is no database of the company (DATABASE_URL)."


class Company:
    """The section."""

    name = "company"

    def __init__(self, url: Secret) -> None:
        self._url = url

    def say(self, weeks: Sequence[Week], check: Callable[[], None]) -> Said:
        """As the port says."""
        if not self._url:
            return Said(weeks={}, note=_NOT_SET)
        schema.check(self._url)
        with reading(self._url) as session:
            costs = session.execute(costs_by_day(weeks[0].monday, weeks[-1].sunday)).all()
            revenues = session.execute(revenues_by_day(weeks[0].monday, weeks[-1].sunday)).all()
            fees = {}
            for week in weeks:
                check()
                fees[week] = session.execute(fees_of(week.since, week.until)).all()
        found = {
            week: values(_within(week, costs), _within(week, revenues), fees[week])
            for week in weeks
        }
        names = {name for one in found.values() for name in one}
        return Said(
            weeks=since_first({one: _whole(found[one], names) for one in weeks}, *names),
            note="Amounts of rows without a currency are shown as XXX."
            if any(name.endswith(_NO_CURRENCY) for name in names)
            else None,
        )


def values(
    costs: Iterable[tuple[str, int]],
    revenues: Iterable[tuple[str, int]],
    fees: Iterable[Sequence[Any]],
) -> Values:
    """The figures of a week, by (currency, amount) and, of fees, (status, currency, how many,
    amount). Pure."""
    made: Counter[str] = Counter()
    for currency, amount in costs:
        made[f"company.cost.{_code(currency)}"] += amount
        made[f"company.margin.{_code(currency)}"] -= amount
    for currency, amount in revenues:
        made[f"company.revenue.{_code(currency)}"] += amount
        made[f"company.margin.{_code(currency)}"] += amount
    made["company.fees_failed"] = 0
    for status, currency, count, amount in fees:
        if status == "failed":
            made["company.fees_failed"] += count
        elif status != "waived":
            made[f"company.fees.{_code(currency)}"] += int(amount)
    return dict(made)


def _whole(found: Values, names: set[str]) -> Values:
    """With a zero for what the week did not have, and another week had."""
    return {name: found.get(name, 0) for name in names}


def _within(week: Week, rows: Iterable[Sequence[Any]]) -> list[tuple[str, int]]:
    return [
        (currency, int(amount))
        for currency, day, amount in rows
        if week.monday <= day <= week.sunday
    ]


def _code(currency: str) -> str:
    code = str(currency).strip().upper()
    return code if money.is_currency(code) else _NO_CURRENCY


def costs_by_day(first: date, last: date) -> Select[*tuple[Any, ...]]:
    from sqlalchemy import func, select

    from shared.data.models import Cost

    return (
        select(Cost.currency, Cost.day, func.sum(Cost.amount_minor))
        .where(Cost.day >= first, Cost.day <= last)
        .group_by(Cost.day, Cost.currency)
    )


def revenues_by_day(first: date, last: date) -> Select[*tuple[Any, ...]]:
    from sqlalchemy import func, select

    from shared.data.models import Revenue

    return (
        select(Revenue.currency, Revenue.day, func.sum(Revenue.amount_minor))
        .where(Revenue.day >= first, Revenue.day <= last)
        .group_by(Revenue.day, Revenue.currency)
    )


def fees_of(since: datetime, until: datetime) -> Select[*tuple[Any, ...]]:
    """The fees that were made in that time, as they stand now."""
    from sqlalchemy import func, select

    from shared.data.models import NoShowFee

    return (
        select(
            NoShowFee.status,
            NoShowFee.currency,
            func.count(NoShowFee.id),
            func.sum(NoShowFee.amount_minor),
        )
        .where(NoShowFee.created_at >= since, NoShowFee.created_at < until)
        .group_by(NoShowFee.status, NoShowFee.currency)
    )
