"""The files that rows of a database are written to. Each part is made in memory: it is small."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Protocol

from shared import parquet
from shared.errors import Misconfigured, Refused
from shared.sync.catalog import Column
from shared.sync.cells import PLAIN, line, quoted
from shared.sync.plan import Format

PART_BYTES = 32 * 1024 * 1024
"""A part ends when it has as many bytes."""
_GROUP = 10_000
"""Rows in a row group."""
_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": parquet.CONTENT_TYPE}


class Part(Protocol):
    """A file in the making."""

    @property
    def size(self) -> int:
        """The bytes that it has so far, about."""

    def add(self, values: Sequence[Any]) -> None:
        """Add a row."""

    def bytes(self) -> bytes:
        """The whole file; nothing is added after that."""


class Writing:
    """Makes parts of one format for these columns."""

    def __init__(self, format: Format, columns: Sequence[Column], *, escape: bool) -> None:
        """Raises `Misconfigured` if the format is not installed."""
        self.format = format
        self._columns = columns
        self._escape = escape
        if format is Format.PARQUET and not parquet.is_installed():
            raise Misconfigured(parquet.MISSING)

    @property
    def content_type(self) -> str:
        return _TYPES[self.format.value]

    def as_text(self, column: Column) -> bool:
        """Whether the database is asked for the column's text."""
        return self.format is Format.CSV or _arrow(column) is None

    def part(self) -> Part:
        if self.format is Format.CSV:
            return _Csv(self._columns, escape=self._escape)
        return _Parquet(self._columns)


class _Csv:
    def __init__(self, columns: Sequence[Column], *, escape: bool) -> None:
        self._plain = [column.base in PLAIN for column in columns]
        self._escape = escape
        names = (quoted(column.name, escape=escape) for column in columns)
        self._lines = io.BytesIO()
        self.size = self._lines.write((",".join(names) + "\r\n").encode())

    def add(self, values: Sequence[Any]) -> None:
        self.size += self._lines.write(line(values, self._plain, escape=self._escape))

    def bytes(self) -> bytes:
        return self._lines.getvalue()


class _Parquet:
    def __init__(self, columns: Sequence[Column]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        types = [_arrow(column) or pa.string() for column in columns]
        names = [column.name for column in columns]
        self._schema = pa.schema(list(zip(names, types, strict=True)))
        self._sink = io.BytesIO()
        self._writer = pq.ParquetWriter(self._sink, self._schema, compression="zstd")
        self._rows: list[Sequence[Any]] = []
        self._held = 0

    @property
    def size(self) -> int:
        return self._sink.tell() + self._held

    def add(self, values: Sequence[Any]) -> None:
        self._rows.append(values)
        self._held += sum(len(one) if isinstance(one, str | bytes) else 8 for one in values)
        if len(self._rows) == _GROUP:
            self._flush()

    def bytes(self) -> bytes:
        self._flush()
        self._writer.close()
        return self._sink.getvalue()

    def _flush(self) -> None:
        import pyarrow as pa

        if not self._rows:
            return
        columns = zip(*self._rows, strict=True)
        try:
            arrays = [
                pa.array(list(column), field.type)
                for column, field in zip(columns, self._schema, strict=True)
            ]
        except (pa.ArrowException, OverflowError, ValueError) as error:
            raise Refused(
                "parquet", f"a value has no place in its column ({error!s:.200}); use csv"
            ) from None
        self._writer.write_table(pa.table(arrays, schema=self._schema))
        self._rows, self._held = [], 0


def _arrow(column: Column) -> Any:
    """The type of a column in Parquet; None: it is written as text."""
    import pyarrow as pa

    plain = {
        "bool": pa.bool_(),
        "int2": pa.int16(),
        "int4": pa.int32(),
        "int8": pa.int64(),
        "float4": pa.float32(),
        "float8": pa.float64(),
        "text": pa.string(),
        "varchar": pa.string(),
        "bytea": pa.binary(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
        "timestamptz": pa.timestamp("us", tz="UTC"),
    }
    if column.base == "numeric" and column.typmod >= 4:
        digits, places = (column.typmod - 4) >> 16, (column.typmod - 4) & 0x7FF
        if digits <= 38 and places <= digits:
            return pa.decimal128(digits, places)
    return plain.get(column.base)
