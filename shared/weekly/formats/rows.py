"""What all formats show of a report, as text. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from shared.exports.kinds import Column, Kind
from shared.exports.tally import Bar
from shared.weekly import figures
from shared.weekly.model import Figure, Finding, Part, WeeklyReport

KEYS = (
    *("runs.ended", "runs.failed", "runs.missed", "lateness.p95"),
    *("company.cost", "company.revenue", "backups.missing", "approvals.expired"),
)
"""The key figures, if the report has them."""
MOST = 8
COLUMNS = (
    Column("figure", "Figure"),
    Column("value", "This week", Kind.NUMBER),
    Column("last_week", "Last week", Kind.NUMBER),
    Column("change", "Change", Kind.NUMBER),
    Column("mean", "Mean", Kind.NUMBER),
    Column("against_mean", "Against it", Kind.NUMBER),
)
ZONE = (
    "Days and weeks are those of UTC. The mean is that of the four weeks before, as far as known."
)
NOTHING = "Nothing stands out."


def about(report: WeeklyReport) -> str:
    return f"Monday {report.first_day} to Sunday {report.last_day} (UTC)"


def keys(report: WeeklyReport) -> list[Figure]:
    """The key figures, each currency of its own."""
    there = [one for part in report.sections for one in part.figures if one.value is not None]
    return [one for key in KEYS for one in there if figures.base(one.name)[0] == key][:MOST]


def line(one: Figure) -> list[str]:
    """A figure, as `COLUMNS` says."""
    return [
        one.title,
        figures.shown(one.name, one.value),
        figures.shown(one.name, one.last_week),
        figures.change(one.change_percent),
        figures.shown(one.name, one.mean),
        figures.change(one.against_mean_percent),
    ]


def weeks(part: Part) -> list[list[str]]:
    """Each figure of a section with its last five weeks."""
    return [
        [one.title, *(figures.shown(one.name, value) for value in one.weeks)]
        for one in part.figures
    ]


def week_columns(report: WeeklyReport) -> list[Column]:
    return [Column("figure", "Figure"), *(Column(one, one, Kind.NUMBER) for one in report.weeks)]


def sign(one: Finding) -> str:
    """How a finding begins."""
    return "Alert" if one.alert else "Good" if one.good else "Note"


def because(one: Finding) -> str:
    """The figure that a finding comes from, and its threshold."""
    return f"{one.text}. The rule {one.rule} applies: {one.threshold}."


def bars(report: WeeklyReport) -> Sequence[Bar]:
    """The runs of the five weeks; what is not known is nothing."""
    good, bad, missed = (
        report.figure(f"runs.{name}") for name in ("succeeded", "failed", "missed")
    )
    return [
        Bar(week[5:], _at(good, number), _at(bad, number) + _at(missed, number))
        for number, week in enumerate(report.weeks)
    ]


def _at(one: Figure | None, number: int) -> int:
    return int((one.weeks[number] if one is not None else None) or 0)
