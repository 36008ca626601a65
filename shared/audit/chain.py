"""The chain: the records of entries, each with its number and the hash of the one before.

A record's text is the canonical JSON of its entry, its number, and the hash of the record before;
its own hash is the SHA-256 of that text. So a record that is changed, removed, added or put in
another place no longer fits its neighbours, and whoever makes all that follow fit again changes the
hash of the head, which is anchored elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.audit.entry import Entry, canonical, from_json

NOTHING = "0" * 64
"""What the first record has in the place of the hash before."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last record of a chain, or of a part of it."""

    number: int = 0
    digest: str = NOTHING


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it is stored."""

    number: int
    digest: str
    text: str

    @property
    def head(self) -> Head:
        return Head(self.number, self.digest)

    def said(self) -> dict[str, Any]:
        """What its text says. Raises `ValueError` if it is no JSON object."""
        found = json.loads(self.text)
        if not isinstance(found, dict):
            raise ValueError(f"{self.text[:60]!r} is no JSON object")
        return found

    def entry(self) -> Entry:
        """Its entry. Raises `LookupError`, `ValueError` or `TypeError` if it cannot be read."""
        return from_json(self.said())

    def when(self) -> datetime | None:
        """When its change was made, if it can be read."""
        try:
            return datetime.fromisoformat(self.said()["at"])
        except (LookupError, ValueError, TypeError):
            return None


def digest_of(text: str) -> str:
    """The hash of a record's text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def linked(entries: Iterable[Entry], head: Head) -> list[Record]:
    """The records of entries that follow `head`, in order."""
    made: list[Record] = []
    for entry in entries:
        said = entry.to_json() | {"number": head.number + 1, "previous": head.digest}
        text = canonical(said)
        made.append(Record(head.number + 1, digest_of(text), text))
        head = made[-1].head
    return made


class Wrong(StrEnum):
    """What is wrong with a record or an anchor."""

    CHANGED = "changed"
    """Its text is not the one whose hash it has, or it says otherwise than its row."""
    REMOVED = "removed"
    """A record of that number should be there."""
    ADDED = "added"
    """It is beyond the chain's head, or its number is there twice."""
    UNLINKED = "unlinked"
    """It does not follow the record before it: one of the two was put there."""
    REWRITTEN = "rewritten"
    """The chain fits, but it is another one than was anchored."""
    ANCHOR = "anchor"
    """An anchor is missing, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong."""

    wrong: Wrong
    number: int
    """The record; of an anchor, the record that it anchors."""
    text: str
    at: datetime | None = None
    """When the change was made that the record tells, or that of the last good one before it: the
    tampering is not older than what it hides."""


def check(records: Iterable[Record], head: Head) -> Iterator[Finding | Record]:
    """The records that follow `head`, in ascending order, each as it is; before each, what is wrong
    with it."""
    at: datetime | None = None
    for one in records:
        yield from _found(one, head, at)
        if one.number > head.number:
            head = one.head
        at = one.when() or at
        yield one


def _found(one: Record, head: Head, at: datetime | None) -> Iterator[Finding]:
    when = one.when() or at
    if one.number <= head.number:
        yield Finding(Wrong.ADDED, one.number, f"record {one.number} is there twice", when)
        return
    for number in range(head.number + 1, min(one.number, head.number + 101)):
        yield Finding(Wrong.REMOVED, number, f"record {number} is missing", at)
    if (said := _contradiction(one)) is not None:
        yield Finding(Wrong.CHANGED, one.number, f"record {one.number}: {said}", when)
    elif one.number == head.number + 1 and one.said()["previous"] != head.digest:
        text = f"record {one.number} does not follow the record {head.number} that is there"
        yield Finding(Wrong.UNLINKED, one.number, text, when)


def _contradiction(one: Record) -> str | None:
    """How a record contradicts itself."""
    if digest_of(one.text) != one.digest:
        return "its text does not have its hash"
    try:
        said = one.said()
        one.entry()
        if said["number"] != one.number:
            return f"its text is that of record {said['number']}"
        if not isinstance(said["previous"], str):
            return "it does not say which record is before it"
    except (LookupError, ValueError, TypeError) as error:
        return f"its text cannot be read ({type(error).__name__})"
    return None
