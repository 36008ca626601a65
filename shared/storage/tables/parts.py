"""Lists in a row that are too long for one property: `ids`, `ids1`, `ids2`, ...

https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

ROOM = 32_000
"""The most characters in a property: 64 KiB in UTF-16."""


def packed(name: str, items: Iterable[str], separator: str) -> dict[str, str]:
    """The properties that hold the items. None of these may contain the separator."""
    texts = [""]
    for item in items:
        text = f"{texts[-1]}{separator}{item}" if texts[-1] else item
        if len(text) <= ROOM:
            texts[-1] = text
        else:
            texts.append(item)
    return {_named(name, number): text for number, text in enumerate(texts)}


def joined(name: str, row: Mapping[str, Any], separator: str) -> list[str]:
    """The items that these properties of a row hold. Raises `KeyError` if it has none of them."""
    items: list[str] = []
    number, text = 0, row[name]
    while text:
        items += text.split(separator)
        number += 1
        text = row.get(_named(name, number))
    return items


def _named(name: str, number: int) -> str:
    return f"{name}{number}" if number else name
