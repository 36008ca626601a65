"""Memory stays flat, however many rows there are."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from shared.exports.formats import parquet, pdf, waiting, writer
from shared.exports.kinds import Data, Format
from tests.unit.exports.making import finding, report, runs

SIZE = 600
"""Held as a row, each takes about a kilobyte: 1,800 more would be seen."""


def peak(format: Format, count: int, scratch: Path) -> int:
    """The most bytes that Python's own allocator held while it was written."""
    of_sarif = format is Format.SARIF
    rows = (finding(n) for n in range(count)) if of_sarif else runs(count)
    what = report(rows, data=Data.FINDINGS if of_sarif else Data.RUNS)
    tracemalloc.start()
    try:
        for _ in writer(format).pieces(what, scratch):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("format", Format)
def test_four_times_as_many_rows_take_no_more(
    format: Format, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "GROUP", 200)
    monkeypatch.setattr(waiting, "PIECE", 32_768)
    monkeypatch.setattr(pdf, "MOST", 100)
    for module in ("csv", "json", "ndjson", "markdown", "html"):
        monkeypatch.setattr(f"shared.exports.formats.{module}._ROWS", 200)
    peak(format, 10, tmp_path)  # what is imported once
    assert peak(format, 4 * SIZE, tmp_path) < peak(format, SIZE, tmp_path) + 400_000
