"""GitHub's Markdown. The key figures are only known once all rows were read, and stand first: so
the table waits in a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from shared.exports.formats.waiting import Waiting
from shared.exports.kinds import Kind, Row
from shared.exports.report import Report
from shared.exports.safe import instant, line, markdown

EXTENSION = "md"
CONTENT_TYPE = "text/markdown; charset=utf-8"
_ROWS = 1_000


def pieces(report: Report, scratch: Path) -> Iterator[bytes]:
    """The file."""
    with Waiting(scratch / "table") as table:
        for some in report.pages(_ROWS):
            table.write("".join(map(_line, some)))
        yield _top(report).encode()
        yield from table.read()


def _top(report: Report) -> str:
    head, columns = report.head, report.columns
    figures = "".join(f"| {one.title} | {markdown(one.value)} |\n" for one in report.figures())
    marks = "|".join(
        "---:" if one.kind in (Kind.NUMBER, Kind.DECIMAL) else "---" for one in columns
    )
    return (
        f"# {markdown(head.title)}\n\n"
        f"{markdown(head.project)}, {line(head.span.words)}  \n"
        f"As of {instant(head.due_at)}, by the schedule {markdown(head.schedule)}\n\n"
        f"| Key figure | |\n|---|---:|\n{figures}\n"
        f"| {' | '.join(markdown(one.title) for one in columns)} |\n|{marks}|\n"
    )


def _line(row: Row) -> str:
    return f"| {' | '.join(map(markdown, row))} |\n"
