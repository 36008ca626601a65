"""To system administrators: what a day cost and earned (L4).

Amounts are in minor units (cents).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from shared.notifications.kinds import MAIL, Currency, Data, Kind, Name

if TYPE_CHECKING:
    from shared.charts import Chart
    from shared.notifications.languages.language import Language


class CostSum(Data):
    """What something cost on the report's day, and before."""

    amount_minor: int
    day_before_minor: int
    """On the day before the report's day."""
    mean_minor: int | None
    """A day, over the 30 days before the report's day, rounded; None: there is nothing from
    before."""
    estimated: bool = False
    """Whether part of it is an estimate, since a provider has not said its price."""


class CategoryCost(CostSum):
    """The same of one category."""

    category: Name


class PartnerCommission(Data):
    """What one partner earned on the report's day."""

    partner: Name
    amount_minor: int


class DayOfSeries(Data):
    """What one day cost and earned."""

    day: date
    cost_minor: int
    revenue_minor: int


class CurrencyReport(Data):
    """Costs, revenue and commissions in one currency; currencies are not added to each other."""

    currency: Currency
    costs: tuple[CategoryCost, ...] = ()
    """In any order; the report lists the largest first."""
    unnamed_costs: CostSum | None = None
    """All categories that are not in `costs` together: a mail has room for so many. None: all are
    in it."""
    revenue_minor: int
    revenue_day_before_minor: int
    revenue_mean_minor: int | None
    """As `CategoryCost.mean_minor`."""
    commissions: tuple[PartnerCommission, ...] = ()
    """In any order."""
    unnamed_commissions_minor: int | None = None
    """All that are not in `commissions` together."""
    series: Annotated[tuple[DayOfSeries, ...], Field(max_length=92)] = ()
    """The last 30 days with the report's day as the last, for the chart; days without anything are
    in it, as zeros. Empty: no chart."""

    @property
    def cost_minor(self) -> int:
        return self._costs.amount_minor

    @property
    def cost_day_before_minor(self) -> int:
        return self._costs.day_before_minor

    @property
    def cost_mean_minor(self) -> int | None:
        return self._costs.mean_minor

    @property
    def commissions_minor(self) -> int:
        return self.other_commissions_minor(0) or 0

    @property
    def margin_minor(self) -> int:
        """Revenue less cost."""
        return self.revenue_minor - self.cost_minor

    @property
    def left_minor(self) -> int:
        """The margin less the partners' commissions."""
        return self.margin_minor - self.commissions_minor

    def share(self, minor: int) -> float | None:
        """An amount as a share of the revenue; None if there is none."""
        return minor / self.revenue_minor if self.revenue_minor > 0 else None

    @property
    def estimated(self) -> bool:
        return self._costs.estimated

    def largest_costs(self, most: int) -> tuple[CategoryCost, ...]:
        """The `most` largest by amount, and by what they are in general."""
        order = sorted(
            self.costs, key=lambda one: (-one.amount_minor, -(one.mean_minor or 0), one.category)
        )
        return tuple(order[:most])

    def other_costs(self, most: int) -> CostSum | None:
        """All but those together; None: there are no others."""
        order = self.largest_costs(len(self.costs))
        unnamed = () if self.unnamed_costs is None else (self.unnamed_costs,)
        others = (*order[most:], *unnamed)
        return _together(others) if others else None

    def largest_commissions(self, most: int) -> tuple[PartnerCommission, ...]:
        order = sorted(self.commissions, key=lambda one: (-one.amount_minor, one.partner))
        return tuple(order[:most])

    def other_commissions_minor(self, most: int) -> int | None:
        """All but those together; None: there are no others."""
        order = self.largest_commissions(len(self.commissions))
        if len(order) <= most and self.unnamed_commissions_minor is None:
            return None
        named = sum(one.amount_minor for one in order[most:])
        return named + (self.unnamed_commissions_minor or 0)

    @property
    def _costs(self) -> CostSum:
        return self.other_costs(0) or _together(())


def _together(sums: Sequence[CostSum]) -> CostSum:
    """Its mean is the sum of theirs, each of which was rounded."""
    means = [one.mean_minor for one in sums if one.mean_minor is not None]
    return CostSum(
        amount_minor=sum(one.amount_minor for one in sums),
        day_before_minor=sum(one.day_before_minor for one in sums),
        mean_minor=sum(means) if means else None,
        estimated=any(one.estimated for one in sums),
    )


def _once(currencies: tuple[CurrencyReport, ...]) -> tuple[CurrencyReport, ...]:
    if len({one.currency for one in currencies}) < len(currencies):
        raise ValueError("a currency is given twice; add its amounts up")
    return currencies


class CostReport(Data):
    """A day's report."""

    day: date
    """The day that the report is about, in UTC."""
    currencies: Annotated[tuple[CurrencyReport, ...], AfterValidator(_once)] = ()
    """Each once. Empty: nothing was recorded on that day or the 30 days before it."""


def charts(data: CostReport, language: Language) -> Mapping[str, Chart]:
    """A chart for each currency that has a series, by content id."""
    drawn = (_chart(one, language) for one in data.currencies if one.series)
    return {chart.id: chart for chart in drawn}


def _chart(one: CurrencyReport, language: Language) -> Chart:
    from shared.charts import Chart, Series

    words = language.words("cost_report").words
    costs = [day.cost_minor for day in one.series]
    revenues = [day.revenue_minor for day in one.series]
    return Chart(
        id=f"chart-{one.currency.lower()}",
        title=f"{words['chart']} ({one.currency})",
        description=words["chart_of"].format(
            day=language.short_date(one.series[-1].day),
            days=len(one.series),
            cost=language.money(costs[-1], one.currency),
            revenue=language.money(revenues[-1], one.currency),
            total_cost=language.money(sum(costs), one.currency),
            total_revenue=language.money(sum(revenues), one.currency),
        ),
        labels=[language.day(day.day) for day in one.series],
        bars=Series(words["cost"], costs),
        line=Series(words["revenue"], revenues),
        write=lambda minor: language.round_money(minor, one.currency),
        unit=language.whole(one.currency),
    )


def _cost(
    category: str, amount: int, day_before: int, mean: int, estimated: bool = False
) -> dict[str, object]:
    return {
        "category": category,
        "amount_minor": amount,
        "day_before_minor": day_before,
        "mean_minor": mean,
        "estimated": estimated,
    }


def _on(days_ago: int, cost: int, revenue: int) -> dict[str, object]:
    day = (_DAY - timedelta(days=days_ago)).isoformat()
    return {"day": day, "cost_minor": cost, "revenue_minor": revenue}


_DAY = date(2026, 11, 30)
_SERIES = [
    *(
        _on(n, 5_900 - 40 * n - 230 * (n % 7), 19_100 - 1_150 * (n * 3 % 8))
        for n in range(29, 1, -1)
    ),
    _on(1, 5_382, 17_200),
    _on(0, 5_569, 18_350),
]

KIND = Kind(
    channel=MAIL,
    data=CostReport,
    sample={
        "day": _DAY.isoformat(),
        "currencies": [
            {
                "currency": "EUR",
                "costs": [
                    _cost("Text messages", 2_310, 1_980, 1_905, estimated=True),
                    _cost("Servers", 2_870, 2_870, 2_790),
                    _cost("Mail", 389, 412, 401),
                    _cost("Maps", 0, 120, 64),
                ],
                "revenue_minor": 18_350,
                "revenue_day_before_minor": 17_200,
                "revenue_mean_minor": 16_480,
                "commissions": [
                    {"partner": "Pets & Partners", "amount_minor": 1_250},
                    {"partner": "Vetline", "amount_minor": 585},
                ],
                "series": _SERIES,
            }
        ],
    },
    charts=charts,
)
