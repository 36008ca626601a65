"""How the state's tables are read, by the SDK, which knows every type: row by row, page by page,
and with an eye on the job."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shared.tasks.context import JobContext

if TYPE_CHECKING:
    from azure.data.tables import TableClient


def query(
    table: TableClient, where: str, job: JobContext, select: list[str] | None = None
) -> Iterator[Any]:
    """The entities that a filter finds; of `select` these properties only."""
    for page in table.query_entities(where, select=select).by_page():
        job.check()
        yield from page


def entity(table: TableClient, partition: str, key: str) -> Any:
    """One entity; None if it is not there."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return table.get_entity(partition, key)
    except ResourceNotFoundError:
        return None
