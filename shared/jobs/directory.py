"""Which chunks the index of jobs has, where each lies in the order, and what its jobs add up to.

A directory is written once and never changed, as a chunk is: one row of the table says which
directory holds (`storage.tables.job_feed`).
"""

from __future__ import annotations

import json
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from shared.jobs.chunk import Kind
from shared.jobs.entry import Entry, Filter, Key
from shared.schedules.job import Status

_VERSION = 2
_WITHOUT_BACKFILLS = 1
"""The version before, whose sums did not tell the jobs of backfills apart."""
_DAY = 86_400


class Sums(NamedTuple):
    """What jobs add up to."""

    jobs: int = 0
    occurrences: int = 0
    """More than `jobs` if some are stretches."""
    timed: int = 0
    """Jobs of which it is known how long they ran."""
    seconds: float = 0.0
    """How long these ran, together."""

    def plus(self, other: Sums) -> Sums:
        """Both together."""
        return Sums(
            self.jobs + other.jobs,
            self.occurrences + other.occurrences,
            self.timed + other.timed,
            self.seconds + other.seconds,
        )


Group = tuple[int, int | None, str, Status, bool]
"""(day since 1970, project, task, status, whether they belong to backfills). A stretch is counted
on the day of its last occurrence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A chunk, as the directory knows it."""

    name: str
    """Of its blob."""
    first: Key
    last: Key
    since: tuple[int, int]
    """The earliest and the latest due time of its jobs; of stretches, of their first occurrence."""
    sums: Mapping[Group, Sums]
    counts: Mapping[Kind, int]
    """Its jobs, by project, task and status."""

    @staticmethod
    def of(name: str, entries: Sequence[Entry]) -> Section:
        """The section of a chunk with these entries, which are in order."""
        starts = [entry.since for entry in entries]
        return _section(
            name,
            entries[0].key,
            entries[-1].key,
            (min(starts), max(starts)),
            summed(entries),
        )

    def covered(self, wanted: Filter) -> bool:
        """Whether its counts say how many of its jobs are wanted: by no filter that they do not
        know, and with all its jobs within the span."""
        return (
            wanted.schedule_id is None
            and (wanted.since is None or self.first[0] >= wanted.since)
            and (wanted.until is None or self.since[1] < wanted.until)
        )

    def apart(self, wanted: Filter) -> bool:
        """Whether none of its jobs can be wanted, by their times, projects, tasks and statuses."""
        return (
            (wanted.since is not None and self.last[0] < wanted.since)
            or (wanted.until is not None and self.since[0] >= wanted.until)
            or not any(wanted.fits_group(*kind) for kind in self.counts)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Directory:
    """The chunks, oldest first. The span of each goes up to the first job of the next."""

    sections: tuple[Section, ...] = ()
    packed: frozenset[str] = frozenset()
    """Rows of the feed that are in the chunks, and may not be removed yet."""
    totals: str = ""
    """The name of the blob with the totals (`totals`) of the jobs in the chunks."""
    outdated: bool = False
    """Whether an older version packed it, so that the index is to be built anew."""
    firsts: tuple[Key, ...] = field(default=(), compare=False)

    @staticmethod
    def of(sections: Iterable[Section], packed: Iterable[str] = (), totals: str = "") -> Directory:
        """The directory of these sections, in any order."""
        made = sorted(sections, key=lambda section: section.first)
        return Directory(
            sections=tuple(made),
            packed=frozenset(packed),
            totals=totals,
            firsts=tuple(section.first for section in made),
        )

    def place(self, key: Key) -> int:
        """The number of the section in whose span a key lies."""
        return max(0, bisect_right(self.firsts, key) - 1)

    def encode(self) -> bytes:
        """The directory as a blob."""
        said = {
            "version": _VERSION,
            "packed": sorted(self.packed),
            "totals": self.totals,
            "sections": [
                [
                    section.name,
                    section.first,
                    section.last,
                    section.since,
                    [
                        [day, project, task, status.value, backfilled, *sums]
                        for (day, project, task, status, backfilled), sums in section.sums.items()
                    ],
                ]
                for section in self.sections
            ],
        }
        return zlib.compress(json.dumps(said, separators=(",", ":")).encode())

    @staticmethod
    def decode(content: bytes) -> Directory:
        """The directory of that blob. Raises `ValueError` if it is none.

        The sums of one of the version before count the jobs of backfills as all others.
        """
        try:
            said = json.loads(zlib.decompress(content))
        except zlib.error as error:
            raise ValueError(f"it is no directory: {error}") from error
        if said["version"] == _WITHOUT_BACKFILLS:
            rows = map(_read_without, said["sections"])
            older = Directory.of(rows, said["packed"], said.get("totals", ""))
            return replace(older, outdated=True)
        if said["version"] != _VERSION:
            raise ValueError(f"version {said['version']} of a directory is unknown here")
        return Directory.of(map(_read, said["sections"]), said["packed"], said["totals"])


def summed(entries: Iterable[Entry]) -> dict[Group, Sums]:
    """What the entries add up to."""
    made: dict[Group, Sums] = {}
    for entry in entries:
        day, kind = entry.until // _DAY, (entry.project_id, entry.task_type, entry.status)
        group = (day, *kind, entry.backfilled)
        one = Sums(1, entry.count, int(entry.seconds is not None), entry.seconds or 0.0)
        made[group] = made[group].plus(one) if group in made else one
    return made


def _read(row: Sequence[Any]) -> Section:
    name, first, last, since, groups = row
    sums = {
        (day, project, task, Status(status), bool(backfilled)): Sums(*values)
        for day, project, task, status, backfilled, *values in groups
    }
    return _section(name, (first[0], first[1]), (last[0], last[1]), (since[0], since[1]), sums)


def _read_without(row: Sequence[Any]) -> Section:
    *place, groups = row
    return _read([*place, [[*group[:4], False, *group[4:]] for group in groups]])


def _section(
    name: str, first: Key, last: Key, since: tuple[int, int], sums: Mapping[Group, Sums]
) -> Section:
    counts: dict[Kind, int] = {}
    for (_, project, task, status, _), one in sums.items():
        kind = (project, task, status)
        counts[kind] = counts.get(kind, 0) + one.jobs
    return Section(name=name, first=first, last=last, since=since, sums=sums, counts=counts)
