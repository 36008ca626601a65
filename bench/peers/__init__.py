"""The peers that `make bench` shows beside Belfry, and what is measured of each.

A peer is driven through `Peer`; whoever implements it, Belfry's own engine among them, is measured
by `plan.measure` with the same sizes. Every figure of a peer comes from a program that runs in an
environment of its own (environment.py), with the peer set up as its documentation advises.
`python -m bench.peers` prints the peers' own table.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Absent:
    """There is no figure."""

    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Throughput:
    """How fast schedules that are all due were handed out, or done."""

    due: int
    done: int
    """Fewer than `due`: the rest never was."""
    seconds: float
    """From the start of the pass to the last that is counted."""
    processes: int = 1
    """How many ran the jobs."""
    note: str = ""

    @property
    def per_second(self) -> float:
        """Schedules a second."""
        return self.done / self.seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Idle:
    """A pass over schedules of which none is due."""

    schedules: int
    milliseconds: float
    """Median of the passes."""
    passes: int
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lateness:
    """How long after its time a job began, read in the job."""

    per_second: int
    due: int
    ran: int
    p50_milliseconds: float
    p99_milliseconds: float
    max_milliseconds: float
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Crash:
    """What became of runs that were due when everything but the store was killed with -9."""

    schedules: int
    """Due in each of the rounds; a round is one kill."""
    kills: int
    lost: int
    """Runs never done, in all rounds."""
    doubled: int
    """Runs done more than once, in all rounds."""
    recovery_seconds: float
    """Median over the rounds: from the restart until the last run that was done."""
    note: str = ""


class Peer(Protocol):
    """A scheduler that can be measured. Every method starts from an empty store."""

    @property
    def name(self) -> str:
        """With its version and its store."""
        ...

    @property
    def setting(self) -> str:
        """How it is set up, where that is a choice, in one line."""
        ...

    def prepare(self, folder: Path) -> Absent | None:
        """Install and start what it needs in `folder`; `Absent` when that cannot be had."""
        ...

    def dispatch(self, n: int) -> Throughput | Absent:
        """`n` due schedules, until all are handed out and every next run is committed."""
        ...

    def done(self, n: int, processes: int) -> Throughput | Absent:
        """`n` due schedules of a trivial job, until the last is done."""
        ...

    def idle(self, n: int) -> Idle | Absent:
        """One pass over `n` schedules of which none is due."""
        ...

    def lateness(self, per_second: int, seconds: int) -> Lateness | Absent:
        """`per_second` schedules fall due each second, evenly, for `seconds`."""
        ...

    def crash(self, n: int, kills: int, seed: int) -> Crash | Absent:
        """`kills` rounds of `n` due schedules of a job of 50 ms on 50 threads, one kill in each."""
        ...

    def close(self) -> None:
        """End what `prepare` started."""
        ...


def everyone() -> list[Peer]:
    """The peers, not prepared."""
    from bench.peers.apscheduler import APScheduler
    from bench.peers.celery import Celery

    return [APScheduler("SQLite"), APScheduler("PostgreSQL"), Celery()]
