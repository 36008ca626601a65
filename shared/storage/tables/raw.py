"""Rows as Table Storage itself writes them: JSON, with an annotation for each type that JSON does
not have (`"n@odata.type": "Edm.Int64", "n": "5"`). State backups and the archive keep rows in this
form.

https://learn.microsoft.com/rest/api/storageservices/payload-format-for-table-service-operations
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_TYPE = "@odata.type"
_DOUBLE = "Edm.Double"
_ODATA = "odata."
_PLAIN = ("", "Edm.String", "Edm.Boolean", "Edm.Int32")
"""The types that JSON has; of the others each property has an annotation."""
_KEYS = ("PartitionKey", "RowKey", "Timestamp")


def written(entity: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of an entity as the service writes it (`Table.query` with `raw`), without its
    keys."""
    made: dict[str, Any] = {}
    for name, value in entity.items():
        if name in _KEYS or _ODATA in name:
            continue
        kind = _DOUBLE if isinstance(value, float) else entity.get(name + _TYPE, "")
        if kind in _PLAIN:
            made[name] = value
        else:
            made[name + _TYPE] = kind
            made[name] = repr(float(value)) if kind == _DOUBLE else str(value)
    return made


def for_transaction(made: Mapping[str, Any]) -> dict[str, Any]:
    """What `written` made, as a transaction writes it unchanged."""
    values = dict(made)
    for name in [name for name in made if made[name] == _DOUBLE and name.endswith(_TYPE)]:
        values[name.removesuffix(_TYPE)] = _double(values[name.removesuffix(_TYPE)])
    return values


def _double(text: str) -> float | str:
    """The value that the service takes: a number, or the name of one that JSON does not have."""
    value = float(text)
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
