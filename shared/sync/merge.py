"""Two listings side by side, and what is to be done with each item. Pure.

Both listings are in the order of their names, so each is read once, and nothing of them is kept.
Where a listing is not in that order (a hierarchical namespace has another), an item may look as if
the other side did not have it. That does no harm: whatever is written here is written under a
condition, and whatever is deleted is looked up at the source once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Generic, TypeVar

from shared.storage.outside.pages import Blob

S = TypeVar("S")
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Placed(Generic[S]):
    """An item of a listing, its key, and the page on which it is."""

    key: tuple[bytes, ...]
    item: S
    marker: str | None


@dataclass(frozen=True, slots=True)
class Pair(Generic[S, D]):
    """What the two sides have of one key; at least one has it."""

    key: tuple[bytes, ...]
    source: S | None
    destination: D | None
    markers: tuple[str | None, str | None]
    """The pages on which both sides can be read again from here."""
    ordered: bool
    """Whether both listings were in order up to here."""


def key_of(*names: str) -> tuple[bytes, ...]:
    """What listings are sorted by: names in UTF-16."""
    return tuple(name.encode("utf-16-be", "surrogatepass") for name in names)


def side_by_side(
    source: Iterable[Placed[S]], destination: Iterable[Placed[D]]
) -> Iterator[Pair[S, D]]:
    """The items of both, by their keys."""
    left, right = _Side(source), _Side(destination)
    while left.head is not None or right.head is not None:
        keys = [side.head.key for side in (left, right) if side.head is not None]
        key = min(keys)
        markers, ordered = (left.marker, right.marker), left.ordered and right.ordered
        yield Pair(key, left.take(key), right.take(key), markers, ordered)


class _Side(Generic[S]):
    def __init__(self, items: Iterable[Placed[S]]) -> None:
        self._items = iter(items)
        self.ordered = True
        self.marker: str | None = None
        self.head: Placed[S] | None = None
        self._next()

    def take(self, key: tuple[bytes, ...]) -> S | None:
        """The head, if it has that key."""
        if self.head is None or self.head.key != key:
            return None
        found = self.head.item
        self._next()
        return found

    def _next(self) -> None:
        before, self.head = self.head, next(self._items, None)
        if self.head is not None:
            self.marker = self.head.marker
            if before is not None and self.head.key <= before.key:
                self.ordered = False


class Verdict(StrEnum):
    """What is to be done with an item."""

    COPY = "copy"
    SAME = "same"
    KEPT = "kept"
    DELETE = "delete"
    NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What a sync of containers does. `source`: the digest of the source, for its marks."""

    source: str
    delete: bool = False
    protect_newer: bool = False


_SOURCE, _ETAG, _JOB = "belfry_source", "belfry_etag", "belfry_job"
MARKS = (_SOURCE, _ETAG, _JOB)


def marks(source: str, etag: str, job_id: str) -> dict[str, str]:
    """The metadata by which a copy tells what it is a copy of. So a sync needs no memory of its
    own: what was copied before a crash says so itself."""
    return {_SOURCE: source, _ETAG: etag, _JOB: job_id}


def digest(*parts: str) -> str:
    """A short digest of several texts."""
    return sha256("\0".join(parts).encode()).hexdigest()[:16]


def is_copy(destination: Blob, rule: Rule) -> bool:
    """Whether a sync from that source put it there."""
    return _mark(destination.metadata, _SOURCE) == rule.source


def copied_by(destination: Blob, job_id: str) -> bool:
    """Whether that job put it there."""
    return _mark(destination.metadata, _JOB) == job_id


def decide(source: Blob | None, destination: Blob | None, rule: Rule) -> Verdict:
    """What is to be done with a blob. What no sync from there has copied is never deleted."""
    if source is None:
        ours = destination is not None and is_copy(destination, rule)
        return Verdict.DELETE if ours and rule.delete else Verdict.NOTHING
    if destination is None:
        return Verdict.COPY
    ours = is_copy(destination, rule)
    if ours and _mark(destination.metadata, _ETAG) == source.etag:
        return Verdict.SAME if destination.size == source.size else Verdict.COPY
    if rule.protect_newer and not ours and destination.changed_at > source.changed_at:
        return Verdict.KEPT
    return Verdict.COPY


def _mark(metadata: Mapping[str, str], name: str) -> str:
    """By its name in any case: services differ in how they give it back."""
    return next((value for one, value in metadata.items() if one.lower() == name), "")


def too_many(deletions: int, of: int, percent: float) -> bool:
    """Whether more of the destination would go than may."""
    return of > 0 and 100 * deletions > percent * of
