"""The peers that `make bench` shows beside Belfry, and what is measured of each.

A peer is driven through `Peer`; whoever implements it, Belfry's own engine among them, is measured
by `plan.measure` with the same sizes. Every figure of a peer comes from a program that runs in an
environment of its own (environment.py), with the peer set up as its documentation advises.
`python -m bench.peers` prints the peers' own table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Absent:
    """There is no figure."""

    why: str
    broken: bool = False
    """A program ended with an error: not what the peer lacks, but something to mend."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Processor:
    """Processor time of one job, from due to done."""

    hosts_milliseconds: float
    """Of what hands out and runs."""
    storage_milliseconds: float


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
    processor: Processor | None = None
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
    requests: int = 0
    """That one pass makes to the storage; 0 if they are not counted."""
    bytes: int = 0
    """Of their addresses and bodies, sent and answered."""
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
class Mix:
    """Long jobs that are under way, and then short ones."""

    long: int = 60
    long_seconds: float = 600
    per_second: int = 10
    seconds: int = 20
    lead: float = 5
    """Seconds in which the hosts start."""
    apart: float = 8
    """The long ones fall due within so many seconds, so that none shares a message with all."""
    after: float = 4
    """Seconds from the last long one to the first short one."""

    def times(self, now: float) -> tuple[float, float, float]:
        """(when the first long one is due, seconds to the next, when the first short one is)."""
        first = int(now) + self.lead
        return first, self.apart / self.long, first + self.apart + self.after


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Killing:
    """A host that is killed and started again while its hands are full."""

    due: int = 900
    """At once, each a job of `job_seconds`."""
    job_seconds: float = 1
    kills: int = 4
    every: float = 3
    """Seconds that each host works before it is killed."""
    limit: float = 480
    """Seconds after the last kill for which the rest is waited for."""
    brisk: bool = False
    """Time limits that are set (of leases, of hidden messages) are seconds, not as they come."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FullHost:
    """What became of what a full host held when it was killed again and again."""

    due: int
    kills: int
    left: int
    """Neither started nor explained when the time was over, or when nothing was to come."""
    explained: int
    """Ended without a start, with a reason that a person can read."""
    seconds: float
    """From the last kill until the last had started or was explained."""
    before_per_second: float
    """First starts a second, until the first kill."""
    after_per_second: float
    """And after the last."""
    note: str = ""


Figure = Throughput | Idle | Lateness | Crash | FullHost | Absent


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

    def steady(self, n: int, rounds: int) -> Throughput | Absent:
        """The same on one process, of the same schedules' later occurrences: the median."""
        ...

    def idle(self, n: int) -> Idle | Absent:
        """One pass over `n` schedules of which none is due."""
        ...

    def lateness(self, per_second: int, seconds: int) -> Lateness | Absent:
        """`per_second` schedules fall due each second, evenly, for `seconds`."""
        ...

    def mixed(self, mix: Mix) -> Lateness | Absent:
        """How late short jobs are while long ones are under way on the same instance."""
        ...

    def crash(self, n: int, kills: int, seed: int) -> Crash | Absent:
        """`kills` rounds of `n` due schedules of a job of 50 ms on 50 threads, one kill in each."""
        ...

    def full(self, killing: Killing) -> FullHost | Absent:
        """A host that runs 50 jobs at once, killed again and again with its hands full."""
        ...

    def close(self) -> None:
        """End what `prepare` started."""
        ...


def middle(found: Sequence[Throughput]) -> Throughput:
    """The one whose time is the median; of an even number, the slower of the two."""
    return sorted(found, key=lambda one: one.seconds)[len(found) // 2]


def everyone(*, brisk: bool = False) -> list[Peer]:
    """The peers, not prepared. `brisk`: those that differ, with time limits of a few seconds."""
    from bench.peers.apscheduler import APScheduler
    from bench.peers.celery import Celery
    from bench.peers.procrastinate import Procrastinate

    one = [] if brisk else [APScheduler("PostgreSQL")]
    return [APScheduler("SQLite"), *one, Celery(brisk=brisk), Procrastinate()]
