"""A job's row as a line of a file: JSON with the row's keys and properties, as Table Storage itself
writes them, sorted by name. Equal rows make equal lines, and a line makes the row again.

`parameters` and `result` are text in the row, and so they are here: `jq '.result | fromjson'`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shared.storage.tables import raw
from shared.storage.tables.table import convert


def line_of(row: Mapping[str, Any]) -> bytes:
    """The line of a raw row, with its end."""
    keys = {"PartitionKey": row["PartitionKey"], "RowKey": row["RowKey"]}
    return json.dumps(keys | raw.written(row), sort_keys=True).encode() + b"\n"


def key_of(line: bytes) -> str:
    """The row key of a line. Raises `ValueError` or `KeyError` if it is no line."""
    return str(json.loads(line)["RowKey"])


def row_of(line: bytes) -> dict[str, Any]:
    """The row of a line, with Python's own types. Raises `ValueError` if it is no line."""
    row: dict[str, Any] = json.loads(line)
    convert(row)
    return row
