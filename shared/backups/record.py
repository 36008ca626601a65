"""What a backup job records in its result for later jobs, beside what the result tells people:
which databases it found, by their sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

NAME = "databases"
"""What the result calls it."""
MOST = 20_000
"""Characters of JSON that it may take; a job's result has 30,000."""

Database = tuple[str, str]
"""(source, database)."""


def to_json(found: Iterable[Database]) -> dict[str, list[str]]:
    """The databases of each source."""
    shown: dict[str, list[str]] = {}
    for source, database in found:
        shown.setdefault(source, []).append(database)
    return shown


def from_json(result: Mapping[str, Any]) -> frozenset[Database]:
    """What a job's result records. Raises `ValueError` if it records nothing, or not as we do."""
    shown = result.get(NAME)
    if not isinstance(shown, dict):
        raise ValueError(f"there is no {NAME!r} in it")
    for names in shown.values():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError(f"{NAME!r} is no lists of names")
    return frozenset((source, name) for source, names in shown.items() for name in names)
