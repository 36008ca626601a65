"""A report to write, the same each time. Run as a program, it writes one and says its hash."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from shared.exports.data import SPECS
from shared.exports.formats import writer
from shared.exports.kinds import Data, Format, ReportType, Row
from shared.exports.period import Span
from shared.exports.report import Head, Options, Report

DUE = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)
BAD = "shop answered 503"


def runs(count: int, name: str = "Nightly", error: str = BAD) -> Iterator[Row]:
    """Rows of runs, one each ten minutes up to the due time; each tenth failed."""
    for n in range(count):
        at = DUE - timedelta(minutes=10 * (count - n))
        failed = n % 10 == 9
        yield (
            f"s{n % 7}-{at:%Y%m%dT%H%M%SZ}",
            f"s{n % 7}",
            f"{name} {n % 7}",
            7,
            "backup",
            "failed" if failed else "succeeded",
            at,
            at,
            at + timedelta(seconds=90),
            Decimal("90.5"),
            Decimal("0.25"),
            1,
            1,
            None,
            error if failed else None,
        )


def finding(number: int = 1, **other: object) -> Row:
    """A row of findings."""
    said = {
        "fingerprint": f"f{number:08}",
        "repository_id": "shop",
        "branch": "main",
        "tool": "bandit",
        "rule": "B105",
        "severity": "high",
        "level": "error",
        "state": "new",
        "path": "src/a b.py",
        "line": number,
        "column": None,
        "end_line": None,
        "end_column": None,
        "message": "a password stands here",
        "project_id": 7,
        "commit": "c" * 40,
        "analysis_id": "a1",
        "at": DUE,
    }
    row = said | other
    assert list(row) == [one.name for one in SPECS[Data.FINDINGS].columns]
    return list(row.values())  # type: ignore[arg-type]


def report(
    rows: Iterator[Row] | Sequence[Row],
    kind: ReportType = ReportType.FULL,
    data: Data = Data.RUNS,
    *,
    title: str = "Week of the shop",
    columns: Sequence[str] = (),
    options: Options | None = None,
) -> Report:
    head = Head(
        title=title,
        data=data,
        report_type=kind,
        project="Project 7",
        schedule="Monday's report",
        job_id="mondays-20261130T060000Z",
        span=Span(since=DUE - timedelta(days=7), until=DUE, timezone="Europe/Berlin"),
        due_at=DUE,
    )
    return Report(head, SPECS[data], rows, columns=columns, options=options)


def made(format: Format, what: Report, scratch: Path) -> bytes:
    return b"".join(writer(format).pieces(what, scratch))


def main(count: int) -> None:
    """Print (format, hash) of each."""
    with tempfile.TemporaryDirectory() as folder:
        for format in Format:
            of_sarif = format is Format.SARIF
            rows = [finding(n) for n in range(1, count)] if of_sarif else runs(count)
            data = Data.FINDINGS if of_sarif else Data.RUNS
            content = made(format, report(rows, data=data), Path(folder))
            print(format, hashlib.sha256(content).hexdigest())


if __name__ == "__main__":
    main(int(sys.argv[1]))
