"""What a mail says of a report: as much as it has room for. Pure."""

from __future__ import annotations

from datetime import datetime

from shared.exports.safe import instant
from shared.weekly.formats import rows
from shared.weekly.model import WeeklyReport

_FINDINGS = 25
_FIGURES = 60
"""Lines of a mail's data; the files have all of them."""


def for_mail(report: WeeklyReport, link: str, until: datetime) -> dict[str, object]:
    """The values of the mail's kind. `link`: to the PDF; empty in a dry run."""
    figures = [rows.line(one) for part in report.sections for one in part.figures]
    return {
        "week": report.week,
        "first_day": report.first_day.isoformat(),
        "last_day": report.last_day.isoformat(),
        "findings": [
            {"text": one.text, "good": one.good, "alert": one.alert}
            for one in report.findings[:_FINDINGS]
        ],
        "more_findings": max(0, len(report.findings) - _FINDINGS),
        "recommendations": [
            {"text": one.recommendation, "why": rows.because(one)}
            for one in report.recommendations[:_FINDINGS]
        ],
        "figures": [line[:4] for line in figures[:_FIGURES]],
        "link": link or "https://dry.run.invalid/",
        "link_ends_at": instant(until),
    }
