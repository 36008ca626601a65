"""Reading many rows by pages: each one short query, none of them slower than the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from shared.data.database import reading
from shared.settings import Secret

if TYPE_CHECKING:
    from sqlalchemy import Row, Select
    from sqlalchemy.orm import InstrumentedAttribute

PAGE = 500
"""Rows."""


def pages(
    url: Secret,
    query: Select[*tuple[Any, ...]],
    order: Sequence[InstrumentedAttribute[Any]],
    *,
    size: int = PAGE,
) -> Iterator[Sequence[Row[*tuple[Any, ...]]]]:
    """The rows of `query` in that order, never all in memory, and with no transaction open while a
    page is worked on.

    `order` is a sort column that is never null and the id, or the id alone; an index has them in
    this order. They are added to what `query` selects, which has no order of its own. Rows that
    come or go meanwhile are seen or not; none is seen twice, unless it is moved on in the order.
    """
    from sqlalchemy import literal, tuple_

    after: tuple[Any, ...] | None = None
    while True:
        asked = query.add_columns(*order).order_by(*order).limit(size)
        if after is not None:
            last = [literal(value, key.type) for value, key in zip(after, order, strict=True)]
            asked = asked.where(tuple_(*order) > tuple_(*last))
        with reading(url) as session:
            rows = session.execute(asked).all()
        if rows:
            yield rows
        if len(rows) < size:
            return
        after = rows[-1][-len(order) :]
