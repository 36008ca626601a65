"""One JSON object: what the report is about, its rows, and at its end the key figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from shared.exports.formats.ndjson import encoded, line, plain
from shared.exports.report import Report
from shared.exports.safe import instant

EXTENSION = "json"
CONTENT_TYPE = "application/json"
SCHEMA_VERSION = 1
_ROWS = 1_000


def pieces(report: Report, scratch: Path) -> Iterator[bytes]:
    """The file."""
    del scratch
    head, names = report.head, [one.name for one in report.columns]
    about = {
        "schema_version": SCHEMA_VERSION,
        "title": head.title,
        "data": head.data.value,
        "report_type": head.report_type.value,
        "project": head.project,
        "schedule": head.schedule,
        "job_id": head.job_id,
        "since": instant(head.span.since),
        "until": instant(head.span.until),
        "timezone": head.span.timezone,
        "as_of": instant(head.due_at),
        "columns": names,
    }
    yield f'{encoded(about)[:-1]},"rows":['.encode()
    between = "\n"
    for some in report.pages(_ROWS):
        yield (between + ",\n".join(line(names, row) for row in some)).encode()
        between = ",\n"
    figures = {one.name: plain(one.value) for one in report.figures()}
    yield f'\n],"row_count":{report.written},"figures":{encoded(figures)}}}\n'.encode()
