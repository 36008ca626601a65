"""Celery with RedBeat, its schedules and its queue in Redis."""

from __future__ import annotations

import random
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
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
from bench.peers.celery_site import Site
from bench.peers.environment import Failed, Redis, told
from bench.peers.killing import Owed
from bench.peers.processor import Meter

PACKAGES = (
    "celery==5.7.0",
    "celery-redbeat==2.4.2",
    "redis==8.1.0",
    "hiredis==3.5.0",
    "amqp==5.4.2",
    "async-timeout==5.0.1",
    "billiard==4.3.2",
    "click==8.5.1",
    "click-didyoumean==0.3.1",
    "click-plugins==1.1.1.2",
    "click-repl==0.4.1",
    "kombu==5.7.0",
    "packaging==26.3",
    "prompt_toolkit==3.0.53",
    "python-dateutil==2.9.0.post0",
    "six==1.17.0",
    "tenacity==9.2.1",
    "typing_extensions==4.16.0",
    "tzlocal==5.4.5",
    "vine==5.1.0",
    "wcwidth==0.9.4",
)
_TIMES = {"interval": 5, "lock": 25, "visibility": 30}
"""Of the lock RedBeat's rule: five intervals, since it must outlast a tick; it holds so long after
a crash. The visibility must outlast a job: what a killed worker had taken comes again after it."""
_BRISK = {"interval": 1, "lock": 5, "visibility": 2}
_SURELY_A_SECOND = 200
"""How many due schedules a tick hands out at the least: more at once take a longer lock."""
_TOGETHER = 8
"""Rounds of kills that wait for those two at one time, each in a database of its own."""
_SOLO = ("--pool", "solo")
_TEN = ("--pool", "threads", "--concurrency", "10")


class Celery:
    """Beat is one process, and each worker another."""

    def __init__(self, limit: float = 120, *, brisk: bool = False) -> None:
        self._limit = limit
        self._times = _BRISK if brisk else _TIMES
        self._redis: Redis | None = None

    @property
    def name(self) -> str:
        """See `Peer`."""
        celery, redbeat = (package.split("==")[1] for package in PACKAGES[:2])
        return f"Celery {celery}, RedBeat {redbeat}"

    @property
    def setting(self) -> str:
        """See `Peer`."""
        return (
            "beat_max_loop_interval {interval} s and redbeat_lock_timeout {lock} s (as they come "
            "300 and 1500), task_acks_late, visibility_timeout {visibility} s (3600), no results, "
            "solo workers (10 threads for the lateness, 50 for the kills), for long jobs a queue "
            "and a worker of their own, Redis with appendonly and one fsync a second"
        ).format(**self._times)

    def prepare(self, folder: Path) -> Absent | None:
        """See `Peer`."""
        program = environment.redis_server()
        if isinstance(program, Absent):
            return program
        python = environment.install(folder / "celery", PACKAGES)
        if isinstance(python, Absent):
            return python
        self._python = python
        self._folder = folder / "celery-redis"
        try:
            self._redis = Redis(program, self._folder)
        except Failed as error:
            return Absent(why=str(error))
        return None

    def close(self) -> None:
        """See `Peer`."""
        if self._redis is not None:
            self._redis.stop()

    @told
    def dispatch(self, n: int) -> Throughput:
        """See `Peer`."""
        found = self._site().run("dispatch", n=n)
        return Throughput(due=n, done=int(found["done"]), seconds=found["seconds"])

    @told
    def done(self, n: int, processes: int) -> Throughput:
        """See `Peer`."""
        return self._timed(self._site(prefetch=64), n, processes)

    @told
    def steady(self, n: int, rounds: int) -> Throughput:
        """See `Peer`. Of earlier runs it keeps when the last was, and how many there were."""
        site = self._site(prefetch=64)
        self._timed(site, n, 1)
        found = []
        for _ in range(rounds):
            site.ledger.clear()
            found.append(self._timed(site, n, 1))
        return middle(found)

    @told
    def idle(self, n: int) -> Idle:
        """See `Peer`."""
        passes = 21
        found = self._site().run("idle", n=n, passes=passes)
        return Idle(schedules=n, milliseconds=found["seconds"] * 1000, passes=passes)

    @told
    def lateness(self, per_second: int, seconds: int) -> Lateness:
        """See `Peer`."""
        n, site = per_second * seconds, self._site()
        with site.workers(_TEN):
            begin = time.time() + 6
            site.run("load", n=n, base=begin, step=1 / per_second)
            self._beaten(site, n, begin + seconds + 5)
        if not len(site.ledger):
            raise Failed("nothing ran")
        return site.ledger.lateness(per_second, n)

    @told
    def mixed(self, mix: Mix) -> Lateness | Absent:
        """See `Peer`. By its guide to routing: a queue and a worker for each kind, and each worker
        takes one at a time; the visibility outlasts a long job."""
        n, site = mix.per_second * mix.seconds, self._site(prefetch=1, visibility=3600)
        long = ("--pool", "threads", "--concurrency", str(mix.long), "--queues", "long")
        with site.workers((*_TEN, "--queues", "celery"), long):
            first, step, begin = mix.times(time.time() + 2)
            site.run("load", n=mix.long, base=first, step=step, long_seconds=mix.long_seconds)
            site.run("load", n=n, base=begin, step=1 / mix.per_second)
            self._beaten(site, n, begin + mix.seconds + 10)
        return site.ledger.mixed(mix, begin)

    @told
    def crash(self, n: int, kills: int, seed: int) -> Crash:
        """See `Peer`. The rounds go to the kill one by one, and recover beside each other."""
        points = random.Random(seed)
        after = [round(n * points.uniform(0.05, 0.75)) for _ in range(kills)]
        lock = self._lock(n)
        alone = threading.Lock()
        free = list(range(1, _TOGETHER + 1))

        def one(kill_after: int) -> tuple[float, int, int]:
            database = free.pop()
            site = self._site(database, seconds=0.05, lock=lock)
            try:
                recovery = site.round(n, kill_after, alone)
                return recovery, *site.ledger.lost_and_doubled(n)
            finally:
                free.append(database)

        with ThreadPoolExecutor(_TOGETHER) as pool:
            rounds = list(pool.map(one, after))
        return Crash(
            schedules=n,
            kills=kills,
            lost=sum(lost for _, lost, _ in rounds),
            doubled=sum(doubled for _, _, doubled in rounds),
            recovery_seconds=statistics.median(recovery for recovery, _, _ in rounds),
            note=self._waits(lock),
        )

    @told
    def full(self, order: Killing) -> FullHost:
        """See `Peer`."""
        lock = self._lock(order.due)
        site = self._site(seconds=order.job_seconds, starts=True, lock=lock)
        site.run("load", n=order.due, base=time.time() - 3600)
        found = killing.drive(
            order, site.ledger, site.both, lambda _: Owed(0, over=site.is_drained())
        )
        return replace(found, note="; ".join(filter(None, (found.note, self._waits(lock)))))

    def _timed(self, site: Site, n: int, processes: int) -> Throughput:
        with site.workers(*[_SOLO] * processes) as workers:
            meter = Meter(workers, [site.redis.process])
            beat = site.run("dispatch", n=n)
            if not site.ledger.wait(n, self._limit):
                raise Failed(f"{len(site.ledger)} of {n} done after {self._limit:.0f} s")
            processor = meter.read(n, beat["processor"])
        ended = max(run.at for run in site.ledger.runs())
        return Throughput(
            due=n,
            done=n,
            seconds=ended - beat["began"],
            processes=processes,
            processor=processor,
            note="besides beat's own process, which sets the pace",
        )

    def _beaten(self, site: Site, n: int, until: float) -> None:
        """With beat running, until so many jobs have run or the time is over."""
        beat = site.beat()
        try:
            site.ledger.wait(n, until - time.time(), beat)
        finally:
            environment.kill(beat)

    def _lock(self, n: int) -> int:
        return max(self._times["lock"], n // _SURELY_A_SECOND)

    def _waits(self, lock: int) -> str:
        visibility = self._times["visibility"]
        return (
            f"waits for its lock ({lock} s here, as it comes 25 min) and for the visibility "
            f"timeout ({visibility} s, as it comes 60 min)"
        )

    def _site(self, database: int = 0, **more: Any) -> Site:
        assert self._redis is not None
        settings = {
            "url": self._redis.url(database),
            "prefetch": 4,
            "seconds": 0,
            "starts": False,
            **self._times,
            **more,
        }
        return Site(self._python, self._redis, database, self._folder, self._limit, settings)
