"""What the metrics say at one instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.jobs.totals import Figures, Histogram

Projects = frozenset[int] | None
"""Whose schedules are wanted; None: all there are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What the scaling policy measured."""

    requests_per_minute: int
    p95_seconds: float | None
    """None if there were too few requests."""
    queue_wait_seconds: float
    verdict: int
    """-1: down, 0: keep, 1: up, 2: emergency."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """What concerns the whole app, and no project."""

    clocks: Mapping[str, float]
    """How many seconds ago each clock last ticked. One that ticked in the future is left out."""
    late: Histogram
    dead_letters: int
    taken_over: int
    """How often a job was taken over from a worker that was gone."""
    queues: Mapping[str, int]
    """About how many messages each queue holds, the invisible ones among them."""
    alerts: Mapping[str, int]
    """How many alerts of each kind are open."""
    notifications: Mapping[bool, int]
    """How many notifications wait for their time (False), and how many are due (True)."""
    feed: int
    """How many jobs the feed of the index of jobs holds."""
    load: Load | None
    """None if nothing was measured lately."""

    @property
    def tick_age(self) -> float | None:
        """How many seconds ago any clock ticked; None if none has."""
        return min(self.clocks.values(), default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What is said to whoever sees certain projects."""

    schedules: Mapping[str, Figures]
    """By id: those that have series of their own."""
    rest: Figures
    """What the others ran."""
    tasks: Mapping[str, Figures]
    """By task type."""
    backfills: Mapping[str, Figures]
    """By task type: the jobs of backfills, which are in nothing else."""
    enabled: int
    disabled: int
    due: int
    """Schedules whose next run is due and not handed out."""
    overdue: int
    """Those that have been for more than a minute."""
    engine: Engine | None
    """None for callers of some projects."""
