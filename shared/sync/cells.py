"""A row of a database as a line of CSV (RFC 4180, lines end in CR LF). Pure.

NULL is nothing between two commas, an empty text is `""`. Numbers, truth values and instants stand
without quotes, as PostgreSQL writes them; any other text is in quotes. A text that a spreadsheet
would run gets an apostrophe in front, unless it is told not to.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.text import formula_safe

PLAIN = frozenset(
    (
        *("int2", "int4", "int8", "float4", "float8", "numeric", "oid", "bool"),
        *("date", "timestamp", "timestamptz"),
    )
)
"""The types whose texts never need quotes."""


def line(values: Sequence[str | None], plain: Sequence[bool], *, escape: bool) -> bytes:
    """The line of a row. `plain`: which of its columns need no quotes."""
    cells = (
        "" if value is None else value if bare else quoted(value, escape=escape)
        for value, bare in zip(values, plain, strict=True)
    )
    return (",".join(cells) + "\r\n").encode()


def quoted(value: str, *, escape: bool) -> str:
    """A text as a cell."""
    safe = formula_safe(value) if escape else value
    return '"' + safe.replace('"', '""') + '"'
