"""What differs between two JSON values, by JSON Pointers (RFC 6901)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """One place that differs."""

    path: str
    """A JSON Pointer, such as `/policy/timeout_seconds`; empty: the whole."""
    before: object
    """Null also if it was not there."""
    after: object


def differences(before: object, after: object, path: str = "") -> Iterator[Difference]:
    """What differs, in the order of the names. Objects are compared by their fields, and anything
    else as a whole."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted(before.keys() | after.keys()):
            step = str(name).replace("~", "~0").replace("/", "~1")
            yield from differences(before.get(name), after.get(name), f"{path}/{step}")
    elif before != after or type(before) is not type(after):
        yield Difference(path, before, after)
