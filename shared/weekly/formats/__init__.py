"""The formats of a report: each is a pure function of the report, so that the same report gives the
same bytes. Markdown is the truth: the others have nothing that it has not, but a chart.

They are made of what the exporter is made of (`shared.exports.formats`)."""

from __future__ import annotations

from enum import StrEnum
from importlib import import_module

from shared.weekly.model import WeeklyReport


class ReportFormat(StrEnum):
    """The formats, by what the names of their files end in."""

    JSON = "json"
    MARKDOWN = "md"
    HTML = "html"
    PDF = "pdf"

    @property
    def content_type(self) -> str:
        return _TYPES[self]


_TYPES = {
    ReportFormat.JSON: "application/json",
    ReportFormat.MARKDOWN: "text/markdown; charset=utf-8",
    ReportFormat.HTML: "text/html; charset=utf-8",
    ReportFormat.PDF: "application/pdf",
}


def written(report: WeeklyReport, format: ReportFormat) -> bytes:
    """The report's file of that format."""
    if format is ReportFormat.JSON:
        return report.model_dump_json(indent=2).encode() + b"\n"
    made: bytes = import_module(f"{__name__}.{format.value}").written(report)
    return made
