"""Finds the partitions of a table without reading their rows: a query for each."""

from __future__ import annotations

from collections.abc import Iterator

from shared.storage.tables.batch import literal
from shared.storage.tables.table import Table


def partitions(table: Table, beginning: str = "") -> Iterator[str]:
    """Those whose keys begin so, in order; without a beginning, all. Raises as `Table.query`."""
    beyond = ""
    if beginning:
        end = beginning[:-1] + chr(ord(beginning[-1]) + 1)
        beyond = f" and PartitionKey lt {literal(end)}"
    at = f"PartitionKey ge {literal(beginning)}"
    while True:
        row = next(table.query(at + beyond, top=1, select=("PartitionKey",)), None)
        if row is None:
            return
        yield str(row["PartitionKey"])
        at = f"PartitionKey gt {literal(row['PartitionKey'])}"
