"""The cost report of a day: pure, from the sums to what people read (L4).

1. A mean is what the 30 days before the day had, by 30: days without rows count as zero. It is
   rounded to a whole minor unit, half to the even one. Without any row on these days, there is
   none.
2. Nothing is added up across currencies.
3. A mail has room for so much: of very many categories or partners, the largest are named, and the
   rest is one line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from shared import money
from shared.finance.sums import MEAN_DAYS, InCurrency, Sum, Sums

if TYPE_CHECKING:
    from shared.notifications.kinds.cost_report import (
        CategoryCost,
        CostReport,
        CurrencyReport,
        PartnerCommission,
    )

_ROOM = 28_000
"""Characters of JSON in ASCII that a mail's data may have."""
_SHORTER = ((100, 100), (50, 10), (20, 3), (5, 1), (1, 0))
"""Step by step: how many lines of a kind are named in each currency, and how many currencies have a
chart."""
_LOGGED = 10
"""Lines of a kind in the log, for each currency."""
_UNNAMED = "(without a name)"


def report(day: date, sums: Sums) -> CostReport:
    """The whole report."""
    from shared.notifications.kinds.cost_report import CostReport

    currencies = [_currency(day, code, found) for code, found in sums.items()]
    return CostReport(day=day, currencies=tuple(currencies))


def _currency(day: date, code: str, found: InCurrency) -> CurrencyReport:
    from shared.notifications.kinds.cost_report import CurrencyReport, DayOfSeries

    days = [day - timedelta(days=back) for back in reversed(range(MEAN_DAYS))]
    return CurrencyReport(
        currency=code,
        costs=tuple(_costs(found.costs)),
        revenue_minor=found.revenue.day,
        revenue_day_before_minor=found.revenue.day_before,
        revenue_mean_minor=mean(found.revenue),
        commissions=tuple(_commissions(found.commissions)),
        series=tuple(
            DayOfSeries(
                day=one,
                cost_minor=found.cost_by_day.get(one, 0),
                revenue_minor=found.revenue_by_day.get(one, 0),
            )
            for one in days
        ),
    )


def _costs(costs: Mapping[str, Sum]) -> Iterator[CategoryCost]:
    """The largest first."""
    from shared.notifications.kinds.cost_report import CategoryCost

    for category, one in sorted(costs.items(), key=lambda item: (-item[1].day, item[0])):
        yield CategoryCost(
            category=_named(category),
            amount_minor=one.day,
            day_before_minor=one.day_before,
            mean_minor=mean(one),
        )


def _commissions(commissions: Mapping[tuple[int, str], int]) -> Iterator[PartnerCommission]:
    """The largest first."""
    from shared.notifications.kinds.cost_report import PartnerCommission

    for (_, name), amount in sorted(commissions.items(), key=lambda item: (-item[1], item[0])):
        yield PartnerCommission(partner=_named(name), amount_minor=amount)


def _named(name: str) -> str:
    from shared.notifications.kinds import printable

    return printable(name) or _UNNAMED


def mean(found: Sum) -> int | None:
    """The mean of the days before, in minor units."""
    return round(Fraction(found.earlier, MEAN_DAYS)) if found.had_earlier else None


def for_mail(whole: CostReport) -> dict[str, object]:
    """The report's values for its mail, shortened until they fit."""
    values: dict[str, object] = {}
    for lines, charts in _SHORTER:
        shorter = [
            _shortened(one, lines, chart=number < charts)
            for number, one in enumerate(whole.currencies)
        ]
        made = whole.model_copy(update={"currencies": tuple(shorter)})
        values = made.model_dump(mode="json")
        if len(json.dumps(values)) <= _ROOM:
            break
    return values


def _shortened(one: CurrencyReport, lines: int, *, chart: bool) -> CurrencyReport:
    """What is not named goes into one sum, which the mail calls by its language's word."""
    return one.model_copy(
        update={
            "costs": one.largest_costs(lines),
            "unnamed_costs": one.other_costs(lines),
            "commissions": one.largest_commissions(lines),
            "unnamed_commissions_minor": one.other_commissions_minor(lines),
            "series": one.series if chart else (),
        }
    )


def totals(one: CurrencyReport) -> dict[str, object]:
    """What a currency amounts to, for the log and a job's result."""
    return {
        "cost_minor": one.cost_minor,
        "cost_day_before_minor": one.cost_day_before_minor,
        "cost_mean_minor": one.cost_mean_minor,
        "revenue_minor": one.revenue_minor,
        "margin_minor": one.margin_minor,
        "commissions_minor": one.commissions_minor,
        "left_minor": one.left_minor,
    }


def lines(one: CurrencyReport) -> Iterator[str]:
    """The same for a person who reads the log; the largest lines only."""

    def told(minor: int | None) -> str:
        return "none" if minor is None else money.shown(minor, one.currency)

    yield (
        f"costs {told(one.cost_minor)} (the day before {told(one.cost_day_before_minor)}, mean "
        f"{told(one.cost_mean_minor)}), revenue {told(one.revenue_minor)}, commissions "
        f"{told(one.commissions_minor)}, left {told(one.left_minor)}"
    )
    for cost in one.largest_costs(_LOGGED):
        yield (
            f"costs of {cost.category}: {told(cost.amount_minor)} (the day before "
            f"{told(cost.day_before_minor)}, mean {told(cost.mean_minor)})"
        )
    for earned in one.largest_commissions(_LOGGED):
        yield f"commission of {earned.partner}: {told(earned.amount_minor)}"
