"""To system administrators: what happened in a week, against the weeks before (O3)."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, NonNegativeInt, StringConstraints

from shared.notifications.kinds import MAIL, Data, Kind, Name
from shared.notifications.kinds.export_ready import Link

Text = Annotated[str, StringConstraints(min_length=1, max_length=800)]
"""A sentence of the report, in the report's language, which is English."""


class Highlight(Data):
    """Something that a rule found."""

    text: Text
    good: bool = False
    alert: bool = False
    """Whether people are alerted of it besides."""


class Advice(Data):
    """What to do."""

    text: Text
    why: Text
    """The figure that it comes from, and the rule's threshold."""


class WeeklyReport(Data):
    """A week's report, in short."""

    week: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-W[0-9]{2}$")]
    first_day: date
    """In UTC."""
    last_day: date
    findings: tuple[Highlight, ...] = ()
    more_findings: NonNegativeInt = 0
    """How many the mail has no room for."""
    recommendations: tuple[Advice, ...] = ()
    figures: tuple[tuple[Name, Name, Name, Name], ...] = ()
    """Each: its title, this week, last week, the change."""
    link: Link
    """To the PDF."""
    link_ends_at: AwareDatetime


KIND = Kind(
    channel=MAIL,
    data=WeeklyReport,
    sample={
        "week": "2026-W48",
        "first_day": "2026-11-23",
        "last_day": "2026-11-29",
        "findings": [
            {"text": "Failed: 24, where the 4 weeks before had 10 on average", "alert": True},
            {
                "text": "Costs (EUR): 312.40 EUR, where the 4 weeks before had 402.10 EUR",
                "good": True,
            },
        ],
        "recommendations": [
            {
                "text": "Read the errors (GET /api/v1/jobs?status=failed).",
                "why": "Failed: 24. The rule failures_doubled applies: at least 2 times the mean.",
            }
        ],
        "figures": [
            ["Runs (succeeded or failed)", "1,842", "1,790", "+3 %"],
            ["Failed", "24", "11", "+118 %"],
        ],
        "link": "https://example.blob.core.windows.net/belfry-reports/weekly/2026-W48.pdf?sig=x",
        "link_ends_at": "2026-12-07T09:30:00Z",
    },
)
