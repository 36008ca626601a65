"""PDF, on the exporter's paper: key figures, a chart of the weeks, highlights, recommendations, and
a table of each section."""

from __future__ import annotations

from shared.exports.formats.paper import Paper
from shared.exports.formats.sheets import A4, Sheets
from shared.exports.formats.shown import Shown
from shared.exports.kinds import Column
from shared.exports.safe import instant
from shared.exports.tally import Figure
from shared.recurrence import zone
from shared.weekly import figures
from shared.weekly.formats import rows
from shared.weekly.model import WeeklyReport

_GAP = 6.0


def written(report: WeeklyReport) -> bytes:
    """The file."""
    sheets = Sheets(
        A4,
        title=report.title,
        about=rows.about(report),
        foot=f"Belfry  ·  as of {instant(report.due_at)}",
        created=report.due_at,
    )
    paper = Paper(sheets, Shown(zone.find("UTC")))
    sheets.opening()
    keys = [(one, figures.shown(one.name, one.value)) for one in rows.keys(report)]
    paper.figures([Figure(one.name, one.title, said) for one, said in keys])
    paper.chart(rows.bars(report), "Runs by week")
    _found(report, paper, sheets)
    for part in report.sections:
        lines = [rows.line(one) for one in part.figures]
        paper.table(part.title, rows.COLUMNS, lines)
        if part.note is not None:
            paper.note(part.note if lines else f"{part.title}: {part.note}")
        sheets.y += _GAP
    weeks = [one for part in report.sections for one in rows.weeks(part)]
    paper.table("The weeks", rows.week_columns(report), weeks)
    paper.note(rows.ZONE)
    return sheets.file()


def _found(report: WeeklyReport, paper: Paper, sheets: Sheets) -> None:
    if not report.findings:
        paper.note(rows.NOTHING)
        return
    columns = [Column("sign", "Kind"), Column("text", "What"), Column("rule", "Rule")]
    lines = [[rows.sign(one), one.text, one.threshold] for one in report.findings]
    paper.table("Highlights", columns, lines, ("Alert",))
    sheets.y += _GAP
    columns = [Column("todo", "What to do"), Column("why", "Because of")]
    advice = [[one.recommendation or "", one.text] for one in report.recommendations]
    paper.table("Recommendations", columns, advice)
    sheets.y += _GAP
