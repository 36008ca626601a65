"""Some thousand entries of the index of jobs, in order, in columns: a blob of about 20 bytes a job.

A chunk is written once and never changed. It is zlib's compression of a line of JSON, with the
names that the columns refer to, and of the columns, in little-endian order.
"""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from math import isnan, nan
from typing import Any

from shared.jobs.entry import Entry, Filter, Key, at_second
from shared.schedules.job import Status, job_id

_VERSION = 1
_COLUMNS = (("until", "I"), ("schedule", "H"), ("kind", "H"), ("seconds", "f"), ("grouped", "H"))
"""`grouped`: the positions of the entries, by schedule; those of one schedule are in order."""
_STEPS = 16
"""To look for an entry costs about so many of its ids."""
MOST_ENTRIES = 60_000
"""The most that the columns can number."""

Kind = tuple[int | None, str, Status]
"""(project, task, status)."""


class Chunk:
    """The entries, oldest first."""

    def __init__(self, head: dict[str, Any], columns: Sequence[array[Any]]) -> None:
        self._until, self._schedule, self._kind, self._seconds, self._grouped = columns
        self._schedules: list[str] = [sys.intern(name) for name in head["schedules"]]
        self._starts: list[int] = head["starts"]
        self.kinds: list[Kind] = [
            (project, sys.intern(task), Status(status)) for project, task, status in head["kinds"]
        ]
        self._by: dict[int, str] = {int(at): by for at, by in head["by"].items()}
        self._stretches: dict[int, list[int]] = {
            int(at): said for at, said in head["stretches"].items()
        }

    def __len__(self) -> int:
        return len(self._until)

    def __iter__(self) -> Iterator[Entry]:
        return map(self.entry, range(len(self)))

    def entry(self, at: int) -> Entry:
        """The entry at that position."""
        project, task, status = self.kinds[self._kind[at]]
        seconds = self._seconds[at]
        _, count = self._stretches.get(at, (0, 1))
        ran = None if isnan(seconds) else seconds
        return Entry(self._id(at), status, task, project, self._until[at], count, ran)

    def key(self, at: int) -> Key:
        """The place in the order of the entry at that position."""
        return self._until[at], self._id(at)

    def holds(self, entry: Entry) -> bool:
        """Whether it has that entry."""
        at = bisect_left(range(len(self)), entry.key, key=self.key)
        return at < len(self) and self.key(at) == entry.key

    def lacks(self, entries: Sequence[Entry]) -> list[Entry]:
        """Of these entries, those that it does not have."""
        if len(entries) * _STEPS < len(self):
            return [entry for entry in entries if not self.holds(entry)]
        held = set(map(self._id, range(len(self))))
        return [entry for entry in entries if entry.id not in held]

    def _id(self, at: int) -> str:
        return job_id(
            self._schedules[self._schedule[at]], at_second(self._since(at)), self._by.get(at, "")
        )

    def fitting(self, wanted: Filter) -> Sequence[int]:
        """The positions of the entries that are wanted, in order."""
        kinds = {at for at, kind in enumerate(self.kinds) if wanted.fits_group(*kind)}
        if not kinds:
            return ()
        lower, upper = self._span(wanted)
        among: Sequence[int] = range(lower, upper)
        if wanted.schedule_id is not None:
            among = [at for at in self._of(wanted.schedule_id) if lower <= at < upper]
        if len(kinds) < len(self.kinds):
            among = [at for at in among if self._kind[at] in kinds]
        if wanted.until is None:
            return among
        end = wanted.until
        return [at for at in among if self._since(at) < end]

    def _span(self, wanted: Filter) -> tuple[int, int]:
        """The positions between which all that are wanted lie, by their times. A stretch that
        began before the end of the span may end, and be placed, long after it."""
        lower = 0 if wanted.since is None else bisect_left(self._until, wanted.since)
        upper = len(self)
        if wanted.until is not None and not self._stretches:
            upper = bisect_left(self._until, wanted.until)
        return lower, upper

    def _since(self, at: int) -> int:
        found = self._stretches.get(at)
        return self._until[at] if found is None else found[0]

    def _of(self, schedule_id: str) -> Sequence[int]:
        number = bisect_left(self._schedules, schedule_id)
        if number == len(self._schedules) or self._schedules[number] != schedule_id:
            return ()
        return self._grouped[self._starts[number] : self._starts[number + 1]]


def encode(entries: Sequence[Entry]) -> bytes:
    """The chunk of these entries, which are in order."""
    schedules = sorted({entry.schedule_id for entry in entries})
    numbers = {name: at for at, name in enumerate(schedules)}
    kinds: dict[Kind, int] = {}
    for entry in entries:
        kinds.setdefault((entry.project_id, entry.task_type, entry.status), len(kinds))
    schedule = [numbers[entry.schedule_id] for entry in entries]
    grouped = sorted(range(len(entries)), key=lambda at: (schedule[at], at))
    starts = [bisect_left(grouped, number, key=schedule.__getitem__) for number in numbers.values()]
    parts = (entry.id.split("-") for entry in entries)
    head = {
        "version": _VERSION,
        "count": len(entries),
        "schedules": schedules,
        "starts": [*starts, len(entries)],
        "kinds": [[project, task, status.value] for project, task, status in kinds],
        "by": {at: part[2] for at, part in enumerate(parts) if len(part) > 2},
        "stretches": {
            at: [entry.since, entry.count] for at, entry in enumerate(entries) if entry.count > 1
        },
    }
    columns: tuple[list[Any], ...] = (
        [entry.until for entry in entries],
        schedule,
        [kinds[entry.project_id, entry.task_type, entry.status] for entry in entries],
        [nan if entry.seconds is None else entry.seconds for entry in entries],
        grouped,
    )
    text = json.dumps(head, separators=(",", ":")).encode() + b"\n"
    raw = (
        _little(array(code, values)).tobytes()
        for (_, code), values in zip(_COLUMNS, columns, strict=True)
    )
    return zlib.compress(text + b"".join(raw), 6)


def decode(content: bytes) -> Chunk:
    """The chunk of that blob. Raises `ValueError` if it is none."""
    try:
        text, _, raw = zlib.decompress(content).partition(b"\n")
    except zlib.error as error:
        raise ValueError(f"it is no chunk: {error}") from error
    head = json.loads(text)
    if head["version"] != _VERSION:
        raise ValueError(f"version {head['version']} of a chunk is unknown here")
    columns, at = [], 0
    for _, code in _COLUMNS:
        column: array[Any] = array(code)
        size = column.itemsize * head["count"]
        column.frombytes(raw[at : at + size])
        columns.append(_little(column))
        at += size
    return Chunk(head, columns)


def _little(column: array[Any]) -> array[Any]:
    if sys.byteorder == "big":
        column.byteswap()
    return column


def ordered(entries: Sequence[Entry]) -> list[Entry]:
    """The entries, oldest first, each job once; of two for one job, the later given counts."""
    return sorted({entry.id: entry for entry in entries}.values(), key=lambda entry: entry.key)


EMPTY = decode(encode([]))
