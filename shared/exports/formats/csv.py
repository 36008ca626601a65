"""CSV (RFC 4180), in UTF-8 and with its lines ended by CR LF. All text is quoted, no number is."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

from shared.exports.kinds import Value
from shared.exports.report import Report
from shared.exports.safe import clean, number, text
from shared.text import formula_safe

EXTENSION = "csv"
CONTENT_TYPE = "text/csv; charset=utf-8"
_ROWS = 1_000
"""Rows of a piece."""


class _Number(float):
    """A number that the library writes as this says, and does not quote."""

    said = ""

    def __repr__(self) -> str:
        return self.said

    __str__ = __repr__


def pieces(report: Report, scratch: Path) -> Iterator[bytes]:
    """The file."""
    del scratch
    held = io.StringIO(newline="")
    options = report.options
    lines = csv.writer(
        held, delimiter=options.delimiter, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n"
    )
    if options.bom:
        held.write("\ufeff")
    lines.writerow([one.name for one in report.columns])
    safe = formula_safe if options.formula_safe else _as_it_is
    for some in report.pages(_ROWS):
        lines.writerows([[_cell(value, safe) for value in row] for row in some])
        yield held.getvalue().encode()
        held.seek(0)
        held.truncate()
    yield held.getvalue().encode()


def _cell(value: Value, safe: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return safe(clean(value))
    if isinstance(value, float | Decimal):
        made = _Number(value)
        made.said = number(value)
        return made
    return value if type(value) is int else text(value)


def _as_it_is(value: str) -> str:
    return value
