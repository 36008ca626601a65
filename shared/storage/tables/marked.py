"""Writes whose answer may be lost. Such a write is sent again, and refused because the first one
succeeded; a mark in the row says whose row it is."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from shared.storage.failures import translated
from shared.storage.tables.batch import Delete, Operation
from shared.storage.tables.table import Table

_MARK = "mark"


def marked(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties with a new mark."""
    return {**properties, _MARK: secrets.token_hex(6)}


def write(table: Table, partition: str, steps: Sequence[Operation]) -> str | None:
    """Do all steps, or none; None if they were not done. The first step decides: it removes a row,
    or writes one that is `marked`. The answer is that row's ETag, empty if it was removed. Raises
    `Unavailable` or `Refused`."""
    with translated("table storage"):
        outcome = table.transact(partition, steps)
    if outcome.committed:
        return outcome.etags[0]
    return is_mine(table, partition, steps[0]) if outcome.retried else None


def is_mine(table: Table, partition: str, step: Operation) -> str | None:
    """The ETag of what `step` wrote, though it was refused when it was sent again; None if somebody
    else wrote. Raises `Unavailable` or `Refused`."""
    with translated("table storage"):
        row = table.get(partition, step.key)
    if isinstance(step, Delete):
        return "" if row is None else None
    return str(row["etag"]) if row and row.get(_MARK) == step.properties[_MARK] else None
