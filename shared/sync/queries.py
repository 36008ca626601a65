"""The queries with which a sync reads a table or view, part by part in the order of its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared.errors import Refused
from shared.sync.catalog import Column, Described
from shared.sync.files import Writing
from shared.sync.plan import Mode, SyncPlan

if TYPE_CHECKING:
    from psycopg import sql


class Queries:
    """The queries of a run, and where each row is in their order."""

    def __init__(
        self, table: Described, plan: SyncPlan, mode: Mode, value: Mapping[str, Any], where: str
    ) -> None:
        self.table = table
        self._overlap = plan.overlap
        self._where = where
        self._before: list[str] = list(value.get("last", [])) if mode is not Mode.FULL else []
        marked = [table.watermark] if table.watermark is not None else []
        self._order: list[Column] = [*marked, *table.key]

    def split(self, row: Sequence[Any]) -> tuple[list[str], float | None, Sequence[Any]]:
        """(its place in the order, as texts; its watermark as a number; its values)."""
        size = len(self._order)
        texts, number, values = row[:size], row[size], row[size + 1 :]
        if any(text is None for text in texts):
            raise Refused(self._where, "key: a column of it, or the watermark, has NULL in a row")
        if number is not None and abs(number) == float("inf"):
            raise Refused(self._where, "watermark: a row has infinity, after which nothing is new")
        return [str(text) for text in texts], number, values

    def query(
        self, writing: Writing, after: Sequence[str], most: int
    ) -> tuple[sql.Composed, list[Any]]:
        """(the query, its values) for the rows after that place, in order."""
        from psycopg import sql

        texts = [_text(one) for one in self._order]
        values = [
            _text(one) if writing.as_text(one) else _column(one) for one in self.table.columns
        ]
        where, given = self._condition(after)
        order = sql.SQL(", ").join(map(_column, self._order))
        return (
            sql.SQL("SELECT {} FROM {} AS belfry {} ORDER BY {} LIMIT {}").format(
                sql.SQL(", ").join([*texts, self._number(), *values]),
                sql.Identifier(self.table.schema, self.table.name),
                where,
                order,
                sql.Literal(most),
            ),
            given,
        )

    def counting(self) -> tuple[sql.Composed, list[Any]]:
        from psycopg import sql

        where, given = self._condition(())
        name = sql.Identifier(self.table.schema, self.table.name)
        return sql.SQL("SELECT count(*) FROM {} AS belfry {}").format(name, where), given

    def _condition(self, after: Sequence[str]) -> tuple[sql.Composable, list[Any]]:
        from psycopg import sql

        marked = self.table.watermark
        if not after and self._before and marked is not None:
            unit = sql.SQL("make_interval(secs => %s)" if marked.is_instant else "%s::numeric")
            floor = sql.SQL("WHERE {} >= {} - {}").format(_column(marked), _cast(marked), unit)
            return floor, [self._before[0], self._overlap]
        place = list(after) or self._before
        if not place:
            return sql.SQL(""), []
        names = sql.SQL(", ").join(map(_column, self._order))
        casts = sql.SQL(", ").join(map(_cast, self._order))
        return sql.SQL("WHERE ({}) > ({})").format(names, casts), place

    def _number(self) -> sql.Composable:
        from psycopg import sql

        one = self.table.watermark
        if one is None:
            return sql.SQL("NULL")
        how = "EXTRACT(EPOCH FROM {})::float8" if one.is_instant else "({})::float8"
        return sql.SQL(how).format(_column(one))


def _column(one: Column) -> sql.Composable:
    """The table's column. Its name alone would mean the text that is selected, in ORDER BY."""
    from psycopg import sql

    return sql.Identifier("belfry", one.name)


def _text(one: Column) -> sql.Composable:
    from psycopg import sql

    return sql.SQL("{}::text").format(_column(one))


def _cast(one: Column) -> sql.Composable:
    from psycopg import sql

    return sql.SQL("CAST(%s AS {})").format(sql.SQL(one.type))
