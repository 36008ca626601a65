"""The figures that a report may have: what they are called, their units, and how they are written.
Pure. A figure's name is its section's and its own, with a dot between; one of money has its
currency behind (`company.cost.EUR`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from shared import money

Number: TypeAlias = "int | float"
Values: TypeAlias = Mapping[str, "Number | None"]
"""Figures by name; None: known to be unknown, such as a rate of nothing."""


class Unit(StrEnum):
    """What a figure counts."""

    COUNT = "count"
    PERCENT = "percent"
    SECONDS = "seconds"
    HOURS = "hours"
    MONEY = "money"
    """Minor units of a currency, such as cents."""


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a figure."""

    title: str
    unit: Unit = Unit.COUNT


FIGURES: Mapping[str, About] = {
    "runs.ended": About("Runs (succeeded or failed)"),
    "runs.succeeded": About("Succeeded runs"),
    "runs.failed": About("Failed runs"),
    "runs.failure_percent": About("Failure rate of runs", Unit.PERCENT),
    "runs.missed": About("Missed runs"),
    "runs.skipped": About("Skipped runs"),
    "runs.cancelled": About("Cancelled runs"),
    "runs.backfilled": About("Jobs of backfills"),
    "lateness.counted": About("Runs that were measured"),
    "lateness.p50": About("Lateness, median", Unit.SECONDS),
    "lateness.p95": About("Lateness of 95 %", Unit.SECONDS),
    "lateness.max": About("Lateness of all", Unit.SECONDS),
    "company.cost": About("Costs", Unit.MONEY),
    "company.revenue": About("Revenue", Unit.MONEY),
    "company.margin": About("Revenue less costs", Unit.MONEY),
    "company.fees": About("Fees billed", Unit.MONEY),
    "company.fees_failed": About("Fees that failed"),
    "messages.asked": About("Paid messages"),
    "messages.segments": About("Segments of messages"),
    "messages.cost": About("Costs of messages", Unit.MONEY),
    "messages.unpriced": About("Messages without a price"),
    "backups.taken": About("Backups taken"),
    "backups.proved": About("Backups proved"),
    "backups.unproved": About("Backups not proved"),
    "backups.missing": About("Missing backups"),
    "backups.oldest_good_hours": About("Oldest good backup", Unit.HOURS),
    "approvals.asked": About("Approvals asked for"),
    "approvals.approved": About("Approvals given"),
    "approvals.rejected": About("Approvals refused"),
    "approvals.expired": About("Approvals that expired"),
    "approvals.median_wait_seconds": About("Median wait for an approval", Unit.SECONDS),
    "workflows.started": About("Workflow runs started"),
    "workflows.ended": About("Workflow runs ended"),
    "workflows.failed": About("Workflow runs failed"),
    "workflows.failure_percent": About("Failure rate of workflows", Unit.PERCENT),
}

SECTIONS: Mapping[str, str] = {
    "runs": "Runs",
    "lateness": "Lateness",
    "company": "Costs, revenue and billing",
    "messages": "Messages",
    "backups": "Backups",
    "approvals": "Approvals",
    "workflows": "Workflows",
}
"""The sections, in their order, and their titles."""


def base(name: str) -> tuple[str, str | None]:
    """(a figure's name without its currency, its currency). Raises `KeyError` for a figure that is
    not known."""
    if name in FIGURES:
        return name, None
    stem, _, currency = name.rpartition(".")
    if FIGURES[stem].unit is not Unit.MONEY or not money.is_currency(currency):
        raise KeyError(name)
    return stem, currency


def titled(name: str) -> str:
    """As people read it: `Costs (EUR)`."""
    stem, currency = base(name)
    return FIGURES[stem].title + (f" ({currency})" if currency else "")


def unit(name: str) -> Unit:
    return FIGURES[base(name)[0]].unit


def place(name: str) -> tuple[int, str]:
    """By which figures are sorted."""
    stem, currency = base(name)
    return list(FIGURES).index(stem), currency or ""


def percent(part: Number, of: Number) -> float | None:
    """A share, to a hundredth; None of nothing."""
    return round(100 * part / of, 2) if of else None


def shown(name: str, value: Number | None) -> str:
    """A value for people: `1,204`, `4.17 %`, `12.5 s`, `1,234.50 USD`; a dash if it is unknown."""
    if value is None:
        return "-"
    stem, currency = base(name)
    kind = FIGURES[stem].unit
    if kind is Unit.MONEY:
        return money.shown(round(value), currency or "XXX")
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")
    ends = {Unit.PERCENT: " %", Unit.SECONDS: " s", Unit.HOURS: " h"}
    return text + ends.get(kind, "")


def change(percents: float | None) -> str:
    """A change for people: `+50 %`; a dash if there is nothing to compare with."""
    if percents is None:
        return "-"
    return f"{percents:+,.0f} %" if abs(percents) >= 0.5 else "0 %"
