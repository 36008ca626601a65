"""Procrastinate, its schedules in code, its jobs in PostgreSQL until they are done and after."""

from __future__ import annotations

import random
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.peers import (
    Absent,
    Crash,
    FullHost,
    Idle,
    Killing,
    Lateness,
    Mix,
    Throughput,
    environment,
    killing,
    middle,
)
from bench.peers.environment import Failed, told
from bench.peers.killing import Owed
from bench.peers.processor import Meter
from bench.peers.procrastinate_site import AT_ONCE, Program, Site
from local import postgres
from shared.errors import BelfryError

PACKAGES = (
    "procrastinate==3.10.0",
    "asgiref==3.13.0",
    "attrs==26.1.0",
    "croniter==7.0.0",
    "packaging==26.4",
    "psycopg==3.3.9",
    "psycopg-binary==3.3.9",
    "psycopg-pool==3.3.3",
    "python-dateutil==4.0.0",
    "typing_extensions==4.16.0",
    "tzdata==2026.6",
)
_CRASH_AT_ONCE = 50
_STALLED = 6
"""Seconds after a worker's last heartbeat."""
_QUIET = 3.0
_OWED = (
    "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'work' AND status IN "
    "('todo', 'doing')"
)
_WAITS = (
    f"a worker whose heartbeat is {_STALLED} s old (as it comes 30) counts as stalled, and its "
    f"jobs are looked for each {_STALLED} s (its guide: 10 min)"
)


class Procrastinate:
    """A schedule is a periodic task, so a pass is the periodic deferrer's."""

    def __init__(self, limit: float = 120) -> None:
        self._limit = limit
        self._server: postgres.Postgres | None = None
        self._site: Site | None = None

    @property
    def name(self) -> str:
        """See `Peer`."""
        return f"{PACKAGES[0].replace('==', ' ')}, PostgreSQL"

    @property
    def setting(self) -> str:
        """See `Peer`."""
        return (
            "a schedule is a periodic task with an id of its own, a dispatch is one pass of the "
            "periodic deferrer, which only one of several workers runs; coroutine tasks, "
            f"{AT_ONCE} at once a worker ({_CRASH_AT_ONCE} for the kills), for long jobs a queue "
            "and a worker of their own; finished jobs are kept"
        )

    def prepare(self, folder: Path) -> Absent | None:
        """See `Peer`."""
        python = environment.install(folder / "procrastinate", PACKAGES)
        if isinstance(python, Absent):
            return python
        place = folder / "procrastinate-postgresql"
        place.mkdir(parents=True, exist_ok=True)
        try:
            self._server = postgres.start(place / "server")
        except BelfryError as error:
            return Absent(why=f"PostgreSQL: {error}".splitlines()[0])
        try:
            self._site = Site(python, place, self._server, self._limit)
        except Failed as error:
            return Absent(why=str(error), broken=error.broken)
        return None

    @property
    def site(self) -> Site:
        """Where it is measured. Raises `AssertionError` before `prepare`."""
        assert self._site is not None
        return self._site

    def close(self) -> None:
        """See `Peer`."""
        if self._server is not None:
            self._server.stop()

    @told
    def dispatch(self, n: int) -> Throughput:
        """See `Peer`."""
        self.site.empty()
        found = self.site.run("dispatch", n=n)
        return Throughput(due=n, done=self.site.count(_OWED), seconds=found["seconds"])

    @told
    def done(self, n: int, processes: int) -> Throughput:
        """See `Peer`."""
        self.site.empty()
        return self._timed(n, processes, _minutes_ago(1))

    @told
    def steady(self, n: int, rounds: int) -> Throughput:
        """See `Peer`. The jobs of the earlier ones are kept."""
        self.site.empty()
        self._timed(n, 1, _minutes_ago(rounds + 2))
        found = []
        for number in range(rounds):
            self.site.ledger.clear()
            found.append(self._timed(n, 1, _minutes_ago(rounds + 1 - number)))
        return middle(found)

    @told
    def idle(self, n: int) -> Idle:
        """See `Peer`."""
        self.site.empty()
        passes = 3 if n > 10_000 else 11
        found = self.site.run("idle", n=n, passes=passes)
        note = "made only when a periodic task was due, which it works out over all of them"
        return Idle(schedules=n, milliseconds=found["seconds"] * 1000, passes=passes, note=note)

    @told
    def lateness(self, per_second: int, seconds: int) -> Lateness:
        """See `Peer`. A schedule is due on a whole second: ten at once."""
        self.site.empty()
        n, begin = per_second * seconds, int(time.time()) + 5
        with self.site.working({"loads": [_load(n, begin, 1 / per_second)]}) as workers:
            self.site.ledger.wait(n, begin - time.time() + seconds + 5, *workers)
        if not len(self.site.ledger):
            raise Failed("nothing ran")
        note = "its deferrer sleeps half a second longer than it must"
        return self.site.ledger.lateness(per_second, n, note)

    @told
    def mixed(self, mix: Mix) -> Lateness | Absent:
        """See `Peer`. By its guide: queues, so that long tasks do not delay short ones."""
        self.site.empty()
        n = mix.per_second * mix.seconds
        first, step, begin = mix.times(time.time())
        long = _load(mix.long, first, step) | {"long_seconds": mix.long_seconds}
        both = {"loads": [long, _load(n, begin, 1 / mix.per_second)]}
        with self.site.working(
            both | {"queues": ["long"], "concurrency": mix.long}, both | {"queues": ["default"]}
        ) as workers:
            self.site.ledger.wait(n, begin - time.time() + mix.seconds + 10, *workers)
        return self.site.ledger.mixed(mix, begin)

    @told
    def crash(self, n: int, kills: int, seed: int) -> Crash:
        """See `Peer`."""
        points = random.Random(seed)
        lost = doubled = 0
        recoveries = []
        for _ in range(kills):
            self.site.empty()
            recoveries.append(self._round(n, round(n * points.uniform(0.05, 0.75))))
            one_lost, one_doubled = self.site.ledger.lost_and_doubled(n)
            lost += one_lost
            doubled += one_doubled
        return Crash(
            schedules=n,
            kills=kills,
            lost=lost,
            doubled=doubled,
            recovery_seconds=statistics.median(recoveries),
            note=_WAITS,
        )

    @told
    def full(self, order: Killing) -> FullHost:
        """See `Peer`."""
        self.site.empty()
        asked = _crashing(order.due) | {"seconds": order.job_seconds, "starts": True}

        def start() -> list[Program]:
            return [self.site.serve(0, **asked)]

        def account(_: set[int]) -> Owed:
            return Owed(0, over=not self.site.count(_OWED))

        found = killing.drive(order, self.site.ledger, start, account)
        return replace(found, note="; ".join(filter(None, (found.note, _WAITS))))

    def _timed(self, n: int, processes: int, base: float) -> Throughput:
        """All but one of the workers know no periodic task: they would defer the same again."""
        orders: list[dict[str, Any]] = [{}] * (processes - 1)
        with self.site.working(*orders, {"loads": [_load(n, base)]}) as workers:
            meter = Meter(workers, [self.site.server.process])
            if not self.site.ledger.wait(n, self._limit, *workers):
                raise Failed(f"{len(self.site.ledger)} of {n} done after {self._limit:.0f} s")
            processor = meter.read(n)
            self._wait_ended()
        ended = max(run.at for run in self.site.ledger.runs())
        began = float(self.site.began(processes - 1).read_text())
        return Throughput(
            due=n, done=n, seconds=ended - began, processes=processes, processor=processor
        )

    def _wait_ended(self) -> None:
        """A job's end is written after its line."""
        deadline = time.monotonic() + self._limit
        while left := self.site.count(_OWED):
            if time.monotonic() > deadline:
                raise Failed(f"{left} jobs have not ended")
            time.sleep(0.05)

    def _round(self, n: int, kill_after: int) -> float:
        """One kill, and the seconds from the restart to the last run."""
        order = _crashing(n) | {"seconds": 0.05}
        with self.site.working(order) as workers:
            if not self.site.ledger.wait(kill_after, self._limit, *workers):
                raise Failed(f"{len(self.site.ledger)} of {n} done after {self._limit:.0f} s")
        before, restarted = len(self.site.ledger), time.time()
        with self.site.working(order) as workers:
            over = lambda: not self.site.count(_OWED)  # noqa: E731
            if not self.site.ledger.settle(_QUIET, self._limit, over, *workers):
                raise Failed(f"not quiet {self._limit:.0f} s after a kill")
        return max([run.at - restarted for run in self.site.ledger.runs()[before:]], default=0.0)


def _load(n: int, base: float, step: float = 0) -> dict[str, Any]:
    return {"n": n, "base": base, "step": step}


def _crashing(n: int) -> dict[str, Any]:
    return {
        "loads": [_load(n, _minutes_ago(1))],
        "concurrency": _CRASH_AT_ONCE,
        "stalled_after": _STALLED,
    }


def _minutes_ago(number: int) -> float:
    """A whole minute that is over. The deferrer looks back ten minutes."""
    return time.time() // 60 * 60 - 60 * number
