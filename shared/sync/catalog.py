"""What a table or a view of a customer's PostgreSQL is: its columns, and what it is read by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.errors import Refused, Unavailable
from shared.sync.plan import SyncPlan

if TYPE_CHECKING:
    from psycopg import Connection

_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), t.typname, a.attnotnull, a.atttypmod
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY a.attnum
"""
_KEY = """
SELECT a.attname
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisprimary
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
WHERE n.nspname = %s AND c.relname = %s
ORDER BY array_position(i.indkey::int2[], a.attnum)
"""
_GROWING = frozenset(["int2", "int4", "int8", "numeric", "date", "timestamp", "timestamptz"])
"""The types that a watermark may have."""
_INSTANTS = frozenset(("date", "timestamp", "timestamptz"))
_MOST_COLUMNS = 1600


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `type` is as SQL says it, such as `numeric(10,2)`; `base` its name in the catalog,
    `typmod` what the catalog has of its size."""

    name: str
    type: str
    base: str
    required: bool
    typmod: int

    @property
    def is_instant(self) -> bool:
        return self.base in _INSTANTS


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """A table or a view, and how it is read."""

    schema: str
    name: str
    columns: Sequence[Column]
    key: Sequence[Column]
    watermark: Column | None


def described(connection: Connection[Any], plan: SyncPlan, where: str) -> Described:
    """The table that the plan names. Raises `Refused`, which says what to give."""
    schema, dot, name = plan.table.partition(".")
    schema, name = (schema, name) if dot else ("public", schema)
    rows = connection.execute(_COLUMNS, (schema, name)).fetchmany(_MOST_COLUMNS)
    known = {row[0]: Column(*row) for row in rows}
    if not known:
        raise Refused(where, f"there is no table or view {plan.table} that this user may see")

    def those(names: Sequence[str], field: str) -> list[Column]:
        missing = [one for one in names if one not in known]
        if missing:
            raise Refused(where, f"{field}: {plan.table} has no column {missing[0]}")
        return [known[one] for one in names]

    primary = [row[0] for row in connection.execute(_KEY, (schema, name)).fetchmany(32)]
    key = those(plan.key or primary, "key")
    if not key:
        raise Refused(where, f"key: {plan.table} has no primary key; name the columns of one")
    watermark = those([plan.watermark], "watermark")[0] if plan.watermark else None
    if watermark is not None and watermark.base not in _GROWING:
        raise Refused(
            where, f"watermark: {watermark.name} is {watermark.type}; use an instant or a number"
        )
    columns = those(plan.columns, "columns") or list(known.values())
    return Described(schema=schema, name=name, columns=columns, key=key, watermark=watermark)


@contextmanager
def told(where: str) -> Iterator[None]:
    """Turn what psycopg raises into `Refused` or `Unavailable`."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        state = error.sqlstate or ""
        reason = f"{type(error).__name__} {state}: {error.diag.message_primary or ''}"[:300]
        final = isinstance(error, psycopg.DataError | psycopg.ProgrammingError)
        if final or state.startswith(("28", "3D", "42", "22")):
            raise Refused(where, reason) from None
        raise Unavailable(where, reason) from None
