"""The counts of a roll (`roll`), and where in it a page begins. Pure.

A *place* is where a row stands in its roll: 13 digits, then what tells it from others of that time.
The digits are what is left, in milliseconds, until the year 2286; so later rows come first. The
first digits of places name spans of time: a *bucket* has a row of counts, and a *part*, two digits
longer, has a count in it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count, takewhile
from typing import Any, TypeAlias
from zlib import crc32

from shared.errors import Damaged

END = 10**13
"""In milliseconds since 1970: the year 2286."""
DIGITS = 13
SHARDS = 8
"""Rows of counts of one bucket: so writers at once rarely meet."""
_ROOM = 30_000

Kinds: TypeAlias = Counter[tuple[str, str]]
"""(part, kind of row) -> how many rows."""


def left(at: datetime) -> str:
    """What a place begins with."""
    return f"{END - int(at.timestamp() * 1000):013d}"


def time_of(place: str) -> datetime:
    """The time of a place, in milliseconds."""
    return datetime.fromtimestamp((END - int(place[:DIGITS])) / 1000, UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which rows of a roll."""

    since: datetime | None = None
    until: datetime | None = None
    """Before that."""
    kinds: Collection[str] | None = None
    """None: any."""
    where: str = ""
    """The same as `kinds`, as a condition on the rows, in OData."""

    @property
    def first(self) -> str:
        """No place is less."""
        return "" if self.until is None else f"{int(left(self.until)) + 1:013d}"

    @property
    def beyond(self) -> str:
        """Every place is less."""
        return ":" if self.since is None else f"{int(left(self.since)) + 1:013d}"

    def has(self, kind: str) -> bool:
        return self.kinds is None or kind in self.kinds


@dataclass(frozen=True, slots=True)
class Change:
    """So many rows more at a place of a roll, or fewer."""

    roll: str
    place: str
    kind: str
    by: int


@dataclass(frozen=True, slots=True)
class Parts:
    """How many rows are wanted in each part."""

    whole: Mapping[str, int]
    cut: Collection[str] = field(default_factory=tuple)
    """Parts that begin before what is wanted, or end after it: their rows must be counted."""

    def located(self, skip: int) -> tuple[str | None, int]:
        """(the part that has the row after so many, how many of its rows come before that one);
        None: there are not so many."""
        for part in sorted(self.whole):
            if skip < self.whole[part]:
                return part, skip
            skip -= self.whole[part]
        return None, 0


def wanted_parts(counts: Kinds, wanted: Wanted) -> Parts:
    """Those of a roll."""
    whole: Counter[str] = Counter()
    cut = set[str]()
    for (part, kind), many in counts.items():
        first, last = part.ljust(DIGITS, "0"), part.ljust(DIGITS, "9")
        if not wanted.has(kind) or last < wanted.first or first >= wanted.beyond:
            continue
        if first < wanted.first or last >= wanted.beyond:
            cut.add(part)
        else:
            whole[part] += many
    return Parts(whole, cut)


def key_of(roll: str, place: str, digits: int) -> str:
    """The key of the row that counts what is at a place; `digits`: of a bucket."""
    return f"count:{roll}:{place[:digits]}:{crc32(place.encode()) % SHARDS}"


def span_of(roll: str, wanted: Wanted, digits: int) -> tuple[str, str]:
    """(the first key, what is beyond the last) of the rows that count what is wanted."""
    return f"count:{roll}:{wanted.first[:digits]}", f"count:{roll}:{wanted.beyond[:digits]};"


def changed(
    rows: Mapping[str, Kinds], changes: Iterable[Change], digits: int
) -> Mapping[str, Kinds]:
    """The rows of counts after changes."""
    made = {key: Counter(counts) for key, counts in rows.items()}
    for one in changes:
        made[key_of(one.roll, one.place, digits)][one.place[: digits + 2], one.kind] += one.by
    return {key: +counts for key, counts in made.items()}


def written(counts: Kinds) -> str:
    """As text: by part, of which it has the last two digits, as the key has the others."""
    made: dict[str, dict[str, int]] = {}
    for (part, kind), many in sorted(counts.items()):
        made.setdefault(part[-2:], {})[kind] = many
    return json.dumps(made, separators=(",", ":"))


def counts_in(text: str, key: str) -> Kinds:
    """The counts of the row of that key. Raises `Damaged`."""
    bucket = key.rsplit(":", 2)[-2]
    try:
        made = json.loads(text or "{}")
        return Counter(
            {(bucket + part, kind): int(n) for part, of in made.items() for kind, n in of.items()}
        )
    except (ValueError, AttributeError, TypeError) as error:
        raise Damaged(f"the row {key} has no counts ({error!r:.200})") from error


def properties(text: str) -> dict[str, Any]:
    """The text in properties, which have room for 32,000 characters each."""
    pieces = range(0, len(text), _ROOM)
    return {f"counts{at // _ROOM}": text[at : at + _ROOM] for at in pieces}


def text_in(row: Mapping[str, Any]) -> str:
    """The text in the properties of a row."""
    names = takewhile(row.__contains__, (f"counts{number}" for number in count()))
    return "".join(str(row[name]) for name in names)
