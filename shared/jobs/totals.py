"""Counts of ended jobs that only ever grow, as a scrape of the metrics reads them: one blob.

Packing adds the jobs that it packs, each once. Lists and statistics are exact at any instant; these
counts are never taken back either: they outlast the jobs' rows, and what is built anew counts at
least what was counted before (`anew`).

Only some schedules have counts of their own among the metrics (`shown`): those that ran last. What
the others run is added to the counts of the *rest* of their project, at the time when it is packed.
A schedule that comes among the shown begins there with all that it ever ran, and one that leaves
takes nothing to the rest. So no count falls, and each run raises exactly one of them.

Jobs of backfills count apart, by task: they are none of a schedule's own runs.
"""

from __future__ import annotations

import json
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import nlargest
from typing import Any, NamedTuple

from shared.jobs.entry import Entry
from shared.schedules.job import RAN, Status

_VERSION = 1
LASTED = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200)
"""How long runs lasted, in seconds: the upper bounds of the buckets."""
LATE = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600)
"""The same of how late they began."""


class Histogram(NamedTuple):
    """How many values lie up to each bound and above the bound before; the last count: above all
    bounds."""

    counts: tuple[int, ...]
    total: float = 0.0

    @staticmethod
    def of(bounds: Sequence[float]) -> Histogram:
        """One without values."""
        return Histogram((0,) * (len(bounds) + 1))

    def with_value(self, bounds: Sequence[float], value: float) -> Histogram:
        """With one more. A negative value, which only a wrong clock makes, counts as 0."""
        value = max(0.0, value)
        at = bisect_left(bounds, value)
        counts = (*self.counts[:at], self.counts[at] + 1, *self.counts[at + 1 :])
        return Histogram(counts, self.total + value)

    def with_all(self, other: Histogram) -> Histogram:
        """Both together."""
        counts = (one + two for one, two in zip(self.counts, other.counts, strict=True))
        return Histogram(tuple(counts), self.total + other.total)

    def above(self, floor: Histogram) -> Histogram:
        """The same, with no count below that of `floor`."""
        counts = tuple(map(max, self.counts, floor.counts))
        return Histogram(counts, max(self.total, floor.total))

    def cumulative(self) -> list[int]:
        """How many values lie up to each bound; the last: all."""
        found, made = 0, []
        for count in self.counts:
            found += count
            made.append(found)
        return made


_NO_TIMES, _NO_LATE = Histogram.of(LASTED), Histogram.of(LATE)


class Figures(NamedTuple):
    """What the jobs of a schedule, or of several, add up to."""

    project_id: int | None
    ended: Mapping[Status, int]
    """How many occurrences and requests ended in each way."""
    lasted: Histogram = _NO_TIMES
    """How long those lasted that succeeded or failed."""
    began: int | None = None
    """When the last of them began, in seconds since 1970."""

    @property
    def success_rate(self) -> float | None:
        """From 0 to 1; None before the first run."""
        runs = sum(self.ended.get(status, 0) for status in RAN)
        return self.ended.get(Status.SUCCEEDED, 0) / runs if runs else None

    def with_job(self, entry: Entry) -> Figures:
        """With one more job."""
        ended = {**self.ended, entry.status: self.ended.get(entry.status, 0) + entry.count}
        lasted = self.lasted
        if entry.status in RAN and entry.seconds is not None:
            lasted = lasted.with_value(LASTED, entry.seconds)
        return Figures(entry.project_id, ended, lasted, _later(self.began, entry.began))

    def with_all(self, other: Figures) -> Figures:
        """Both together."""
        names = self.ended.keys() | other.ended.keys()
        ended = {name: self.ended.get(name, 0) + other.ended.get(name, 0) for name in names}
        lasted = self.lasted.with_all(other.lasted)
        return Figures(self.project_id, ended, lasted, _later(self.began, other.began))

    def above(self, floor: Figures) -> Figures:
        """The same, with no count below that of `floor`."""
        names = self.ended.keys() | floor.ended.keys()
        ended = {name: max(self.ended.get(name, 0), floor.ended.get(name, 0)) for name in names}
        began = _later(self.began, floor.began)
        return Figures(self.project_id, ended, self.lasted.above(floor.lasted), began)

    def row(self) -> list[Any]:
        """As it is stored."""
        ended = {status.value: count for status, count in self.ended.items()}
        return [self.project_id, ended, self.lasted.counts, self.lasted.total, self.began]

    @staticmethod
    def from_row(row: Sequence[Any]) -> Figures:
        """The figures of such a row."""
        project_id, ended, counts, total, began = row
        if len(counts) != len(LASTED) + 1:
            raise ValueError(f"{len(counts)} buckets, where {len(LASTED) + 1} are expected")
        found = {Status(status): count for status, count in ended.items()}
        return Figures(project_id, found, Histogram(tuple(counts), total), began)


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """All that was counted. A value is never changed."""

    schedules: Mapping[str, Figures] = field(default_factory=dict)
    """By id: all schedules that ever ran."""
    tasks: Mapping[tuple[int | None, str], Figures] = field(default_factory=dict)
    """By project and task."""
    rest: Mapping[int | None, Figures] = field(default_factory=dict)
    """By project: what schedules ran while they were not among the shown."""
    shown: frozenset[str] = frozenset()
    late: Histogram = _NO_LATE
    """How late runs began, counted from their effective time."""
    backfills: Mapping[tuple[int | None, str], Figures] = field(default_factory=dict)
    """By project and task: the jobs of backfills, which count nowhere else."""
    taken_over: int = 0
    """How often a job was taken over from a worker that was gone."""

    def plus(self, entries: Iterable[Entry]) -> Totals:
        """With more jobs, none of which was counted before. Whoever is not among the shown counts
        with the rest."""
        schedules, tasks, rest = dict(self.schedules), dict(self.tasks), dict(self.rest)
        backfills, late, taken_over = dict(self.backfills), self.late, self.taken_over
        for entry in entries:
            taken_over += entry.taken_over
            schedule_id, project_id = entry.schedule_id, entry.project_id
            if entry.backfilled:
                _add(backfills, (project_id, entry.task_type), entry)
                continue
            _add(schedules, schedule_id, entry)
            _add(tasks, (project_id, entry.task_type), entry)
            if schedule_id not in self.shown:
                _add(rest, project_id, entry)
            if entry.late is not None:
                late = late.with_value(LATE, entry.late)
        return replace(
            self,
            schedules=schedules,
            tasks=tasks,
            rest=rest,
            late=late,
            backfills=backfills,
            taken_over=taken_over,
        )

    def choosing(self, most: int) -> Totals:
        """With those `most` schedules as the shown that ran last."""
        ran = ((one.began or 0, name) for name, one in self.schedules.items())
        return replace(self, shown=frozenset(name for _, name in nlargest(most, ran)))

    def anew(self, floor: Totals | None, most: int) -> Totals:
        """Counts that were made anew of all jobs, with no count below those from before (`floor`).

        The rest goes on from what it was, since the jobs do not say which of them it has counted.
        """
        if floor is None:
            chosen = self.choosing(most)
            return replace(chosen, rest=_rest(chosen))
        return Totals(
            schedules=_above(self.schedules, floor.schedules),
            tasks=_above(self.tasks, floor.tasks),
            rest=floor.rest,
            shown=floor.shown,
            late=self.late.above(floor.late),
            backfills=_above(self.backfills, floor.backfills),
            taken_over=max(self.taken_over, floor.taken_over),
        ).choosing(most)

    def of(self, status: Status) -> int:
        """How many ended that way, of all, backfills among them."""
        some = (*self.tasks.values(), *self.backfills.values())
        return sum(one.ended.get(status, 0) for one in some)

    def encode(self) -> bytes:
        """As a blob."""
        said = {
            "version": _VERSION,
            "schedules": {name: one.row() for name, one in self.schedules.items()},
            "tasks": [[*key, one.row()] for key, one in self.tasks.items()],
            "backfills": [[*key, one.row()] for key, one in self.backfills.items()],
            "rest": [[key, one.row()] for key, one in self.rest.items()],
            "shown": sorted(self.shown),
            "late": [self.late.counts, self.late.total],
            "taken_over": self.taken_over,
        }
        return zlib.compress(json.dumps(said, separators=(",", ":")).encode(), 6)

    @staticmethod
    def decode(content: bytes) -> Totals:
        """The totals of that blob. Raises `ValueError` if it has none."""
        try:
            said = json.loads(zlib.decompress(content))
        except zlib.error as error:
            raise ValueError(f"it has no totals: {error}") from error
        if said["version"] != _VERSION:
            raise ValueError(f"version {said['version']} of totals is unknown here")
        counts, total = said["late"]
        read = Figures.from_row
        return Totals(
            schedules={name: read(row) for name, row in said["schedules"].items()},
            tasks=_by_task(said["tasks"]),
            rest={project: read(row) for project, row in said["rest"]},
            shown=frozenset(said["shown"]),
            late=Histogram(tuple(counts), total),
            backfills=_by_task(said.get("backfills", ())),  # an older version has none of these
            taken_over=said.get("taken_over", 0),
        )


def _by_task(rows: Iterable[Any]) -> dict[tuple[int | None, str], Figures]:
    return {(project, task): Figures.from_row(row) for project, task, row in rows}


def _add(figures: dict[Any, Figures], key: Any, entry: Entry) -> None:
    figures[key] = figures.get(key, Figures(entry.project_id, {})).with_job(entry)


def _rest(totals: Totals) -> dict[int | None, Figures]:
    """What the schedules that are not shown add up to, by project."""
    made: dict[int | None, Figures] = {}
    for name, one in totals.schedules.items():
        if name not in totals.shown:
            there = made.get(one.project_id)
            made[one.project_id] = one if there is None else there.with_all(one)
    return made


def _above(figures: Mapping[Any, Figures], floor: Mapping[Any, Figures]) -> dict[Any, Figures]:
    made = {**floor, **figures}
    return {key: one.above(floor[key]) if key in floor else one for key, one in made.items()}


def _later(one: int | None, other: int | None) -> int | None:
    return max(one, other) if one is not None and other is not None else one or other
