"""To system administrators: what a day cost and earned (L4). Money is in minor units (cents)."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from shared.notifications.kinds import MAIL, Currency, Data, Kind, Name


class CategoryCost(Data):
    """What one category cost on the report's day, and before."""

    category: Name
    amount_minor: int
    day_before_minor: int
    """On the day before the report's day."""
    mean_minor: int | None
    """A day, over the 30 days before the report's day, rounded; None: there is nothing from
    before."""
    estimated: bool = False
    """Whether part of it is an estimate, since a provider has not said its price."""


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
    revenue_minor: int
    revenue_day_before_minor: int
    revenue_mean_minor: int | None
    """As `CategoryCost.mean_minor`."""
    commissions: tuple[PartnerCommission, ...] = ()
    """In any order."""
    series: Annotated[tuple[DayOfSeries, ...], Field(max_length=92)] = ()
    """The last 30 days with the report's day as the last, for the chart; days without anything are
    in it, as zeros. Empty: no chart."""


class CostReport(Data):
    """A day's report."""

    day: date
    """The day that the report is about, in UTC."""
    currencies: tuple[CurrencyReport, ...] = ()
    """Empty: nothing was recorded on that day or the 30 days before it."""


KIND = Kind(
    channel=MAIL,
    data=CostReport,
    sample={"day": "2026-11-30"},
)
