"""Walks the whole chain and its anchors, and says what is wrong, with which record, since when."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain as joined
from typing import Any

from shared.audit.anchors import Anchor, Anchors
from shared.audit.chain import Finding, Head, Record, Wrong, check, missing
from shared.audit.port import Action
from shared.audit.table import HEAD, ChainTable, Stored, columns_of, listed_key, lists_of
from shared.errors import Damaged

_LISTED = 100
"""The most findings that are kept; all are counted."""
_TRIES = 3
_EVERY = 500
_MOD = 1 << 256


@dataclass(slots=True)
class Verified:
    """What a walk found."""

    head: Head = field(default_factory=Head)
    records: int = 0
    archived: int = 0
    anchors: int = 0
    last_anchor: str | None = None
    held: bool | None = None
    """Whether a policy keeps the anchors from being changed; None: there are none yet."""
    wrong: int = 0
    findings: list[Finding] = field(default_factory=list)
    """The first hundred."""

    @property
    def good(self) -> bool:
        return not self.wrong

    def add(self, finding: Finding) -> None:
        self.wrong += 1
        if len(self.findings) < _LISTED:
            self.findings.append(finding)


class Walk:
    """One walk. It may be done while others write the chain."""

    def __init__(self, table: ChainTable, anchors: Anchors, on: Callable[[], None]) -> None:
        """`on` is called now and then, and raises if the walk must end."""
        self._table = table
        self._anchors = anchors
        self._on = on
        self._found = Verified()
        self._known: dict[str, Anchor] = {}
        self._sum = 0

    def whole(self) -> Verified:
        """Walk everything. Raises `Unavailable` or `Refused` if storage fails."""
        for _ in range(_TRIES):
            self._found, self._known, self._sum = Verified(), {}, 0
            stored = self._stored()
            self._read_anchors()
            last = self._walk(stored)
            after = self._stored()
            if after.archived == stored.archived:
                self._compare_end(stored, after, last)
                self._compare_lists(stored)
                return self._found
        raise Damaged("the audit's records are being archived all the while")

    def _stored(self) -> Stored:
        """The head; that of an empty chain, if there is none or it cannot be read."""
        try:
            return self._table.stored() or Stored(Head(), "")
        except Damaged as error:
            self._found.add(Finding(Wrong.CHANGED, 0, str(error)))
            return Stored(Head(), "garbled")

    def _read_anchors(self) -> None:
        before: Anchor | None = None
        names = self._anchors.names()
        for name in names:
            self._on()
            try:
                one = self._anchors.read(name)
            except Damaged as error:
                number = before.head.number if before is not None else 0
                self._found.add(Finding(Wrong.ANCHOR, number, str(error)))
                before = None
                continue
            follows = one.previous == (None if before is None else before.sha256)
            if not follows and (before is not None or name == names[0]):
                text = f"{name} does not follow the anchor before it: one was removed or changed"
                self._found.add(Finding(Wrong.ANCHOR, one.head.number, text, one.at))
            before = self._known[name] = one
        self._found.anchors = len(names)
        self._found.last_anchor = None if before is None else before.day
        self._found.held = self._anchors.is_held(names[-1]) if names else None

    def _walk(self, stored: Stored) -> Head:
        """Look at each record; the last one."""
        self._found.archived = stored.archived
        self._found.head = stored.head
        by_number: dict[int, list[Anchor]] = {}
        for one in self._known.values():
            by_number.setdefault(one.head.number, []).append(one)
        last, good = Head(), "the beginning"
        both = joined(self._archived(stored.archived), self._table.records(stored.archived))
        for found in check(both, Head()):
            if isinstance(found, Finding):
                self._found.add(found)
                continue
            self._found.records += 1
            if self._found.records % _EVERY == 0:
                self._on()
            self._look(found, stored)
            for anchor in by_number.pop(found.number, ()):
                good = self._compare_anchor(found, anchor, good)
            last = found.head if found.number > last.number else last
        beyond = [one for some in by_number.values() for one in some]
        for anchor in beyond:
            if anchor.head.number > max(last.number, stored.head.number):
                text = f"records {last.number + 1} to {anchor.head.number} are missing: the last "
                text += f"of them was anchored on {anchor.day}"
                self._found.add(Finding(Wrong.REMOVED, last.number + 1, text, anchor.at))
        return last

    def _archived(self, until: int) -> Iterator[Record]:
        """The records that are in files only."""
        for anchor in self._known.values():
            for one in anchor.files:
                if one.last <= until:
                    try:
                        yield from self._anchors.records(one)
                    except Damaged as error:
                        self._found.add(Finding(Wrong.CHANGED, one.first, str(error), anchor.at))

    def _compare_anchor(self, record: Record, anchor: Anchor, good: str) -> str:
        """Compare a record with its anchor; the day until which the anchors fit."""
        if record.digest == anchor.head.digest:
            return anchor.day
        text = f"record {record.number} is not the one that was anchored on {anchor.day}: the "
        text += f"chain was written anew, from a record after {good} on"
        self._found.add(Finding(Wrong.REWRITTEN, record.number, text, anchor.at))
        return good

    def _look(self, record: Record, stored: Stored) -> None:
        """Compare a record with the head, with the anchor that it tells, and count its lists."""
        if record.number == stored.head.number and record.digest != stored.head.digest:
            text = f"the head of the chain has another hash than its last record, {record.number}"
            self._found.add(Finding(Wrong.REWRITTEN, record.number, text, record.when()))
        try:
            said = record.said()
            if said["action"] == Action.ANCHOR and said["subject"]["kind"] == "anchor":
                self._told_anchor(record, said)
            if stored.archived < record.number <= stored.head.number:
                columns = columns_of(record)
                for of in lists_of(columns):
                    self._sum = (self._sum + _share(listed_key(of, record.number))) % _MOD
        except (LookupError, ValueError, TypeError):
            return  # `check` has told that it cannot be read

    def _told_anchor(self, record: Record, said: Mapping[str, Any]) -> None:
        name, digest = said["subject"]["id"], said["after"]["sha256"]
        anchor = self._known.get(name)
        if anchor is None or anchor.sha256 != digest:
            what = "is gone" if anchor is None else "is not the one that was written"
            text = f"{name}, which record {record.number} tells, {what}"
            self._found.add(Finding(Wrong.ANCHOR, record.number, text, record.when()))

    def _compare_end(self, stored: Stored, after: Stored, last: Head) -> None:
        if not after.etag and (last.number or self._known):
            text = "the head of the chain is gone, though it has records or anchors"
            self._found.add(Finding(Wrong.REMOVED, 0, text))
        if last.number < stored.head.number:
            text = missing(last.number + 1, stored.head.number)
            self._found.add(Finding(Wrong.REMOVED, last.number + 1, text))
        if last.number > after.head.number:
            text = f"record {last.number} is beyond the head of the chain, {after.head.number}"
            self._found.add(Finding(Wrong.ADDED, last.number, text))

    def _compare_lists(self, stored: Stored) -> None:
        """Compare the rows by which lists find records with what the records say."""
        total = 0
        for key in self._listed(stored):
            total = (total + _share(key)) % _MOD
        if total == self._sum:
            return
        there = set(self._listed(stored))
        right, numbers = set[str](), {0}
        for one in self._table.records(stored.archived, stored.head.number):
            numbers.add(one.number)
            right |= {listed_key(of, one.number) for of in _lists(one)}
        for key in sorted(there ^ right):
            if _number(key) not in numbers:
                continue  # its record is missing, which is told
            wrong = Wrong.REMOVED if key in right else Wrong.ADDED
            text = f"the row {key}, by which lists find a record, was {wrong}"
            self._found.add(Finding(wrong, _number(key), text))

    def _listed(self, stored: Stored) -> Iterator[str]:
        for row in self._table.rows():
            key = str(row["RowKey"])
            if key == HEAD or key.startswith("record:"):
                continue
            if not 0 < _number(key) <= stored.archived and _number(key) <= stored.head.number:
                yield key


def _lists(record: Record) -> list[str]:
    try:
        return lists_of(columns_of(record))
    except (LookupError, ValueError, TypeError):
        return []


def _number(key: str) -> int:
    """The number of the record that a row names; 0 if it names none."""
    _, _, inverse = key.rpartition(":")
    return 9_999_999_999 - int(inverse) if inverse.isascii() and inverse.isdigit() else 0


def _share(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest())
