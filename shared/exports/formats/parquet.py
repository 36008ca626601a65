"""Parquet, by pyarrow, which is no requirement of the app, for its weight (docs/exports.md). Types
and the size of row groups are fixed, so that the same rows are the same bytes in one version."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from shared import parquet
from shared.exports.kinds import Column, Kind, Value
from shared.exports.report import Report
from shared.exports.safe import clean, instant

EXTENSION = "parquet"
CONTENT_TYPE = parquet.CONTENT_TYPE
GROUP = 50_000
"""Rows of a row group."""
_PLACES = 9


def missing() -> str | None:
    """Why it cannot be used; None if it can."""
    return None if parquet.is_installed() else parquet.MISSING


class _Sink:
    """Takes what is written; it is handed on between two groups."""

    closed = False

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def flush(self) -> None:
        """There is nothing behind it."""

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = bytes(self._held)
        self._held.clear()
        return taken


def pieces(report: Report, scratch: Path) -> Iterator[bytes]:
    """The file."""
    del scratch
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    columns, sink = report.columns, _Sink()
    schema = pa.schema([(one.name, _type(pa, one)) for one in columns], metadata=_about(report))
    with ParquetWriter(
        pa.PythonFile(sink, mode="w"), schema, compression="zstd", store_schema=False
    ) as out:
        for some in report.pages(GROUP):
            arrays = [
                pa.array([_cell(row[at], one) for row in some], type=_type(pa, one))
                for at, one in enumerate(columns)
            ]
            out.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=GROUP)
            yield sink.take()
    yield sink.take()


def _about(report: Report) -> dict[str, str]:
    head = report.head
    return {
        "title": clean(head.title),
        "project": head.project,
        "from": instant(head.span.since),
        "to": instant(head.span.until),
        "as_of": instant(head.due_at),
    }


def _type(pa: Any, column: Column) -> Any:
    match column.kind:
        case Kind.NUMBER:
            return pa.int64()
        case Kind.DECIMAL:
            return pa.decimal128(38, _PLACES)
        case Kind.INSTANT:
            return pa.timestamp("us", tz="UTC")
        case Kind.FLAG:
            return pa.bool_()
    return pa.string()


def _cell(value: Value, column: Column) -> object:
    if value is None:
        return None
    if column.kind is Kind.DECIMAL and not isinstance(value, str | datetime):
        number = value if isinstance(value, Decimal) else Decimal(str(value))
        return number.quantize(Decimal(1).scaleb(-_PLACES))
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return clean(value) if isinstance(value, str) else value
