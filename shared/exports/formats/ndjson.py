"""A JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from shared.exports.kinds import Row, Value
from shared.exports.report import Report
from shared.exports.safe import clean, instant

EXTENSION = "ndjson"
CONTENT_TYPE = "application/x-ndjson"
_ROWS = 1_000
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def pieces(report: Report, scratch: Path) -> Iterator[bytes]:
    """The file."""
    del scratch
    names = [one.name for one in report.columns]
    for some in report.pages(_ROWS):
        yield "".join(f"{line(names, row)}\n" for row in some).encode()


def line(names: list[str], row: Row) -> str:
    """A row as a JSON object."""
    return encoded({name: plain(value) for name, value in zip(names, row, strict=True)})


def plain(value: Value) -> object:
    """A cell as JSON has it."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, Decimal):
        number = float(value)
        return int(number) if number.is_integer() else number
    return value


def encoded(value: object) -> str:
    """As JSON, in one line."""
    return _encode(value)
