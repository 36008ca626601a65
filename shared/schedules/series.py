"""The metrics of runs over time (P8): a pure function of (jobs that ended, how long a bucket is).

A run is a job that succeeded or failed, as in a schedule's statistics. It belongs to the time at
which it was due. Each number in a run's result is a metric; one inside objects has their names
before its own, with dots between, as `fees.EUR`. Lists are left out.

What a backfill ran again is counted apart, and in nothing else: else a day would count twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias

from shared.schedules.job import RAN, Status, backfill_of, percent

Number: TypeAlias = "int | float"

MOST_NAMES = 200
"""The most metrics that are kept apart; a result may have names such as a tenant's, without end."""
_LONGEST_NAME = 200
_LARGEST = 2**63
_DEEPEST = 20


class Bucket(StrEnum):
    """What one item of a series stands for. Days and hours are UTC's."""

    RUN = "run"
    HOUR = "hour"
    DAY = "day"

    def begin(self, at: datetime) -> datetime:
        """When the bucket begins that this instant is in."""
        at = at.astimezone(UTC)
        if self is Bucket.HOUR:
            return at.replace(minute=0, second=0, microsecond=0)
        if self is Bucket.DAY:
            return at.replace(hour=0, minute=0, second=0, microsecond=0)
        return at


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """What a series needs of a job that ended."""

    job_id: str
    due_at: datetime
    status: Status
    count: int = 1
    """Occurrences that it stands for: more than one if it is a stretch."""
    duration_seconds: float | None = None
    metrics: Mapping[str, Number] = field(default_factory=dict)


@dataclass(slots=True)
class Values:
    """One metric's values."""

    runs: int = 0
    sum: Number = 0
    min: Number = math.inf
    max: Number = -math.inf

    @property
    def mean(self) -> float:
        return self.sum / self.runs

    def add(self, value: Number) -> None:
        self.runs += 1
        self.sum += value
        self.min = min(self.min, value)
        self.max = max(self.max, value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Durations:
    """Of runs, in seconds. The percentiles are durations of runs (nearest rank)."""

    mean: float
    p50: float
    p95: float
    max: float


class Summary:
    """Some jobs together."""

    def __init__(self, job_id: str | None = None) -> None:
        self.job_id = job_id
        """Of the only run, if there can be only one."""
        self.counts: dict[Status, int] = dict.fromkeys(Status, 0)
        self.metrics: dict[str, Values] = {}
        self.backfilled: dict[Status, int] = dict.fromkeys(Status, 0)
        """The jobs of backfills."""
        self._durations: list[float] = []

    @property
    def runs(self) -> int:
        return sum(self.counts[status] for status in RAN)

    @property
    def success_rate(self) -> float | None:
        return percent(self.counts[Status.SUCCEEDED], self.runs)

    @property
    def error_rate(self) -> float | None:
        return percent(self.counts[Status.FAILED], self.runs)

    @property
    def duration(self) -> Durations | None:
        """None if nothing ran."""
        if not self._durations:
            return None
        found = sorted(self._durations)
        return Durations(
            mean=round(sum(found) / len(found), 6),
            p50=_rank(found, 50),
            p95=_rank(found, 95),
            max=found[-1],
        )

    def add(self, ran: Ran, metrics: Mapping[str, Number]) -> None:
        """Add a job; `metrics`: those of its own that are kept."""
        self.counts[ran.status] += ran.count
        if ran.status in RAN and ran.duration_seconds is not None:
            self._durations.append(ran.duration_seconds)
        for name, value in metrics.items():
            self.metrics.setdefault(name, Values()).add(value)


class Series:
    """The jobs of a span, together and by buckets."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self.whole = Summary()
        self.left_out: set[str] = set()
        """Names of metrics beyond `MOST_NAMES`; of these, no more than that many are named."""
        self._buckets: dict[tuple[datetime, str], Summary] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def __iter__(self) -> Iterator[tuple[datetime, Summary]]:
        """The buckets that have jobs, oldest first: (when it begins, its jobs)."""
        for (begin, _), summary in sorted(self._buckets.items(), key=lambda item: item[0]):
            yield begin, summary

    def add(self, ran: Ran) -> None:
        """Add a job. Per run, one that did not run counts only in the whole; so does, in any case,
        a backfill's job."""
        if backfill_of(ran.job_id) is not None:
            self.whole.backfilled[ran.status] += 1
            return
        metrics = self._kept(ran)
        self.whole.add(ran, metrics)
        alone = self.bucket is Bucket.RUN
        if alone and ran.status not in RAN:
            return
        name = ran.job_id if alone else ""
        key = self.bucket.begin(ran.due_at), name
        self._buckets.setdefault(key, Summary(name or None)).add(ran, metrics)

    def _kept(self, ran: Ran) -> dict[str, Number]:
        """The metrics of a run; none of a job that did not run."""
        kept: dict[str, Number] = {}
        for name, value in ran.metrics.items() if ran.status in RAN else ():
            if name in self.whole.metrics or len(self.whole.metrics) + len(kept) < MOST_NAMES:
                kept[name] = value
            elif len(self.left_out) < MOST_NAMES:
                self.left_out.add(name)
        return kept


def flattened(result: Mapping[str, object]) -> dict[str, Number]:
    """The numbers in a task's result, by their names."""
    return dict(_numbers(result, "", 0))


def _numbers(found: Mapping[str, object], before: str, depth: int) -> Iterator[tuple[str, Number]]:
    for key, value in found.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping) and depth < _DEEPEST:
            yield from _numbers(value, f"{name}.", depth + 1)
        elif isinstance(value, int | float) and _is_metric(value) and len(name) <= _LONGEST_NAME:
            yield name, value


def _is_metric(value: Number) -> bool:
    """Whether it is a number that can be added up: neither true nor infinite."""
    if isinstance(value, bool):
        return False
    return -_LARGEST < value < _LARGEST  # false for what is no number


def _rank(ordered: list[float], part: int) -> float:
    """The nearest-rank percentile."""
    return ordered[math.ceil(len(ordered) * part / 100) - 1]
