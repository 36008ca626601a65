"""Finds the partitions of a table without reading their rows: a query for each."""

from __future__ import annotations

from collections.abc import Iterator

from shared.storage.tables.batch import literal
from shared.storage.tables.table import Table


def partitions(table: Table, beginning: str) -> Iterator[str]:
    """Those whose keys begin so, in order. Raises as `Table.query`."""
    beyond = literal(beginning[:-1] + chr(ord(beginning[-1]) + 1))
    at = f"PartitionKey ge {literal(beginning)}"
    while True:
        where = f"{at} and PartitionKey lt {beyond}"
        row = next(table.query(where, top=1, select=("PartitionKey",)), None)
        if row is None:
            return
        yield str(row["PartitionKey"])
        at = f"PartitionKey gt {literal(row['PartitionKey'])}"
