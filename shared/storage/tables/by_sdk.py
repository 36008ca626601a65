"""Tables by the SDK, which knows every type of property: row by row, page by page.

For few rows, and for rows of others; `wire` is for many rows of our own. With a `check`, no page is
asked for once it raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from azure.data.tables import TableClient

Table: TypeAlias = "TableClient"


def query(
    table: Table, where: str, check: Callable[[], None], select: list[str] | None = None
) -> Iterator[Any]:
    """The entities that a filter finds ("" finds all); with `select`, only these properties."""
    for page in table.query_entities(where, select=select).by_page():
        check()
        yield from page


def entity(table: Table, partition: str, key: str) -> Any:
    """One entity; None if it is not there."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return table.get_entity(partition, key)
    except ResourceNotFoundError:
        return None
