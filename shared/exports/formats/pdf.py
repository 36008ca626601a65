"""PDF, by fpdf2: a report that one hands on. Title, period and key figures, a chart, a table whose
heading is on each page, page numbers. What does not fit into a cell ends in three dots.

A page lies in memory until the end, so a full report shows the first `MOST` rows, and says how many
there are; its figures and its chart are about all. The other formats have them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from shared.exports.formats.paper import Paper
from shared.exports.formats.sheets import A4, Sheets
from shared.exports.formats.shown import Shown
from shared.exports.kinds import Column
from shared.exports.report import Report
from shared.exports.safe import instant
from shared.recurrence import zone

EXTENSION = "pdf"
CONTENT_TYPE = "application/pdf"
MOST = 3_000
"""Rows on paper."""
_NARROW = 6
"""More columns are on pages that lie on their side."""
_FIGURES = 12


def pieces(report: Report, scratch: Path) -> Iterator[bytes]:
    """The file."""
    del scratch
    rows = report.rows()
    held = list(islice(rows, MOST))
    left = sum(1 for _ in rows)
    report.written -= left
    columns, at = _columns(report)
    head = report.head
    sheets = Sheets(
        A4 if len(columns) <= _NARROW and not report.full else A4[::-1],
        title=head.title,
        about=f"{head.project}  ·  {head.span.words}",
        foot=f"{head.schedule}  ·  as of {instant(head.due_at)}",
        created=head.due_at,
    )
    paper = Paper(sheets, Shown(zone.find(head.span.timezone)))
    sheets.opening()
    paper.figures(report.figures()[:_FIGURES])
    paper.chart(report.chart(), _chart_title(report))
    bad = report.spec.bad if report.full else ()
    paper.table(_table_title(report), columns, [[row[one] for one in at] for row in held], bad)
    paper.note(_note(report, left))
    yield sheets.file()


def _columns(report: Report) -> tuple[list[Column], list[int]]:
    """(the columns that are on paper, their places in a row)."""
    columns = report.columns
    wanted = [one.name for one in columns]
    if report.full and len(columns) == len(report.spec.columns):
        at = [wanted.index(one) for one in report.spec.shown]
        return [columns[one] for one in at], at
    if not report.full:
        wanted = [one for one in wanted if one != "schedule_id" or "schedule_name" not in wanted]
        wanted = [one for one in wanted if one not in _never(report)]
    at = [place for place, one in enumerate(columns) if one.name in wanted]
    return [columns[one] for one in at], at


def _never(report: Report) -> set[str]:
    """The columns of a summary that would say 0 in each row."""
    there = {one.name for one in report.figures()}
    return set(report.spec.values) - there


def _chart_title(report: Report) -> str:
    title = report.spec.title
    return f"{title} by day" if report.spec.when else f"{title} by {report.spec.split}"


def _table_title(report: Report) -> str:
    if report.full:
        return report.spec.title
    names = [report.spec.column(one).title for one in report.spec.group if one != "schedule_id"]
    return f"{report.spec.title} by {', '.join(names).lower()}"


def _note(report: Report, left: int) -> str:
    zone_ = f"Times are those of {report.head.span.timezone}."
    if not report.written and not left:
        return f"There is nothing in this period. {zone_}"
    if not left:
        return f"{report.written:,} rows. {zone_}"
    whole = report.written + left
    return f"The first {report.written:,} of {whole:,} rows; CSV has all of them. {zone_}"
