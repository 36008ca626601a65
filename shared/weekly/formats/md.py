"""GitHub's Markdown: the truth of the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from shared.exports.kinds import Column, Kind
from shared.exports.safe import instant, markdown
from shared.weekly.formats import rows
from shared.weekly.model import Part, WeeklyReport


def written(report: WeeklyReport) -> bytes:
    """The file."""
    return ("\n".join(_lines(report)) + "\n").encode()


def _lines(report: WeeklyReport) -> Iterator[str]:
    yield f"# {markdown(report.title)}\n"
    yield f"{markdown(rows.about(report))}. As of {instant(report.due_at)}.\n"
    yield from _found(report)
    for part in report.sections:
        yield f"## {markdown(part.title)}\n"
        yield from _section(part)
    yield "## The weeks\n"
    columns = rows.week_columns(report)
    yield from _table(columns, [one for part in report.sections for one in rows.weeks(part)])
    yield markdown(rows.ZONE)


def _found(report: WeeklyReport) -> Iterator[str]:
    yield "## Highlights\n"
    for one in report.findings:
        yield f"- **{rows.sign(one)}**: {markdown(one.text)} (`{one.rule}`: {one.threshold})"
    yield "" if report.findings else f"{rows.NOTHING}\n"
    if report.recommendations:
        yield "## Recommendations\n"
        for number, one in enumerate(report.recommendations, start=1):
            said = markdown(one.recommendation or "")
            yield f"{number}. {said} From `{one.figure}`: {markdown(rows.because(one))}"
        yield ""


def _section(part: Part) -> Iterator[str]:
    if part.note is not None:
        yield f"{markdown(part.note)}\n"
    if part.figures:
        yield from _table(rows.COLUMNS, [rows.line(one) for one in part.figures])


def _table(columns: Sequence[Column], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(markdown(one.title) for one in columns)} |"
    marks = ("---:" if one.kind is Kind.NUMBER else "---" for one in columns)
    yield f"|{'|'.join(marks)}|"
    for line in lines:
        yield f"| {' | '.join(map(markdown, line))} |"
    yield ""
