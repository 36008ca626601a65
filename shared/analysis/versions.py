"""Which versions of a package a vulnerability is in, by OSV's rules. Pure.

https://ossf.github.io/osv-schema/#evaluation
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import total_ordering
from typing import Any, TypeAlias

from packaging.version import InvalidVersion, Version

Key: TypeAlias = Any
"""What versions of one ecosystem are compared by."""
Read: TypeAlias = Callable[[str], "Key | None"]

PYPI, NPM = "PyPI", "npm"
_SEMVER = re.compile(
    r"v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:-([0-9A-Za-z.-]{1,100}))?(?:\+[0-9A-Za-z.-]*)?"
)


def affected(version: str, entry: Mapping[str, Any], ecosystem: str) -> bool:
    """Whether that version has it. `entry`: `versions`, and `ranges`, each a list of events
    (`introduced`, `fixed`, `last_affected`, `limit`)."""
    read = READ[ecosystem]
    here = read(version)
    if version in entry.get("versions", ()):
        return True
    if here is None:
        return False
    if any(read(one) == here for one in entry.get("versions", ())):
        return True
    return any(_in_range(here, events, read) for events in entry.get("ranges", ()))


def fixed_in(version: str, entry: Mapping[str, Any], ecosystem: str) -> str:
    """The lowest version above that one in which it is fixed; empty if none is known."""
    read = READ[ecosystem]
    here = read(version)
    fixes = [
        (key, event["fixed"])
        for events in entry.get("ranges", ())
        for event in events
        if "fixed" in event and (key := read(event["fixed"])) is not None
    ]
    later = [one for one in fixes if here is not None and one[0] > here]
    return str(min(later, key=lambda one: one[0])[1]) if later else ""


def _in_range(here: Key, events: Sequence[Mapping[str, str]], read: Read) -> bool:
    """Walk the events in the order of their versions."""
    limits = [read(event["limit"]) for event in events if event.get("limit", "*") != "*"]
    if limits and not any(one is not None and here < one for one in limits):
        return False
    steps: list[tuple[Key, int, str]] = []
    inside = False
    for event in events:
        for order, name in enumerate(("introduced", "fixed", "last_affected")):
            if name not in event:
                continue
            if name == "introduced" and event[name] == "0":
                inside = True
            elif (at := read(event[name])) is not None:
                steps.append((at, order, name))
    for at, _, name in sorted(steps, key=lambda step: step[:2]):
        if name == "introduced" and here >= at:
            inside = True
        elif (name == "fixed" and here >= at) or (name == "last_affected" and here > at):
            inside = False
    return inside


@total_ordering
class Semver:
    """A version by semver.org, 2.0.0."""

    def __init__(self, numbers: tuple[int, ...], pre: tuple[tuple[int, int, str], ...]) -> None:
        self._key = (numbers, not pre, pre)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Semver) and self._key == other._key

    def __lt__(self, other: Semver) -> bool:
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(self._key)


def semver(text: str) -> Semver | None:
    """The version; None if the text is none."""
    found = _SEMVER.fullmatch(text.strip())
    if found is None:
        return None
    numbers = tuple(int(one or 0) for one in found.groups()[:3])
    parts = found[4].split(".") if found[4] else []
    pre = tuple((0, int(one), "") if one.isdecimal() else (1, 0, one) for one in parts)
    return Semver(numbers, pre)


def pep440(text: str) -> Version | None:
    """The version; None if the text is none."""
    if len(text) > 200:
        return None
    try:
        return Version(text)
    except InvalidVersion:
        return None


READ: Mapping[str, Read] = {PYPI: pep440, NPM: semver}
"""How versions are read, by ecosystem."""
