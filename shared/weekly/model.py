"""The report of a week, as it is stored and as the API shows it. Money is in minor units."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Value = Annotated[int | float | None, Field(union_mode="left_to_right")]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Figure(_Shape):
    """A figure of a week, beside the weeks before."""

    name: str
    """Such as `runs.failed`; of money with its currency, such as `company.cost.EUR`."""
    title: str
    unit: Literal["count", "percent", "seconds", "hours", "money"]
    """`money`: minor units of the currency, such as cents."""
    value: Value
    """None: nobody knows."""
    last_week: Value
    mean: Value
    """Of those of the four weeks before that are known; None: none is."""
    mean_of: int
    """Of how many weeks."""
    change_percent: float | None
    """Against last week; None: there is nothing to compare with."""
    against_mean_percent: float | None
    weeks: tuple[Value, ...]
    """Of the last five weeks, the oldest first; the last is `value`."""


class Part(_Shape):
    """A section of the report."""

    name: str
    title: str
    note: str | None = None
    """What is to be known of its figures, or why it has none."""
    figures: tuple[Figure, ...] = ()


class Finding(_Shape):
    """Something that a rule found in the figures (docs/weekly-report.md)."""

    rule: str
    good: bool
    """Whether it is good news."""
    figure: str
    """The figure that it comes from."""
    value: Value
    compared_with: Value
    """The figure's mean of the weeks before, if the rule compares with it."""
    threshold: str
    """When the rule applies, in words."""
    text: str
    recommendation: str | None = None
    """What to do."""
    alert: bool = False
    """Whether it is part of the alert `weekly_trend`."""


class Lateness(_Shape):
    """How late runs ever began, when the report was made: what the next report subtracts."""

    at: AwareDatetime
    counts: tuple[int, ...]
    """How many runs are in each bucket of `shared.jobs.totals.LATE`."""


class WeeklyReport(_Shape):
    """What happened in a week, against the weeks before."""

    week: str
    """By ISO 8601, such as `2026-W48`."""
    first_day: date
    """Monday, in UTC."""
    last_day: date
    """Sunday."""
    due_at: AwareDatetime
    """When the run was due that made the report."""
    weeks: tuple[str, ...]
    """The five weeks of `figures[].weeks`."""
    findings: tuple[Finding, ...]
    """Highlights; first what is an alert, then what else is bad news, then what is good."""
    sections: tuple[Part, ...]
    lateness: Lateness

    def values(self) -> dict[str, int | float | None]:
        """The week's figures, by name."""
        return {one.name: one.value for part in self.sections for one in part.figures}

    def figure(self, name: str) -> Figure | None:
        """The figure of that name, if the report has it."""
        return next((o for part in self.sections for o in part.figures if o.name == name), None)

    @property
    def recommendations(self) -> list[Finding]:
        return [one for one in self.findings if one.recommendation is not None]

    @property
    def title(self) -> str:
        return f"Weekly report {self.week}"
