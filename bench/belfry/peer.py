"""Belfry as a peer: its tick, its worker and its hosts as processes, on Azurite on this machine."""

from __future__ import annotations

import random
import statistics
import time
from pathlib import Path
from typing import Any

from bench.belfry import bare, idling
from bench.belfry.counted import Counted, Counts
from bench.belfry.site import SHARDS, Host, Site
from bench.belfry.world import again, load, receiving, schedules
from bench.peers import (
    Absent,
    Crash,
    FullHost,
    Idle,
    Killing,
    Lateness,
    Mix,
    Throughput,
    killing,
    middle,
)
from bench.peers.environment import Failed, told
from bench.peers.killing import Owed
from bench.peers.processor import Meter
from shared.app import App
from shared.schedules.job import job_id
from shared.storage.names import Names
from shared.storage.queues.jobs import parse

_QUIET = 3.0
_BRISK: dict[str, Any] = {
    "lease_seconds": 6,
    "tick_seconds": 2,
}
_SECONDS = 0.05
"""Of a job, for the kills."""


class Belfry:
    """Each measurement has a table and queues of its own, on a fresh Azurite unless `brisk`."""

    name = "Belfry, Azurite"
    setting = (
        f"{SHARDS} shards, 50 jobs at once a host (beside long jobs: as it comes, 64), queues as "
        "host.json has them, each message hidden for 10 min once taken, a tick each minute"
    )

    def __init__(self, limit: float = 120, *, brisk: bool = False) -> None:
        self._limit = min(limit, 60) if brisk else limit
        self._brisk = brisk
        self._site: Site | None = None

    def prepare(self, folder: Path) -> Absent | None:
        """See `Peer`."""
        self._site = Site(folder / "belfry", reused=self._brisk)
        return None

    @property
    def site(self) -> Site:
        """Where it is measured. Raises `AssertionError` before `prepare`."""
        assert self._site is not None
        return self._site

    def close(self) -> None:
        """See `Peer`."""
        if self._site is not None:
            self._site.close()

    def dispatch(self, n: int) -> Throughput | Absent:
        """See `Peer`."""
        belfry = self.site.app()
        load(belfry, n, time.time() - 3600)
        begin = time.perf_counter()
        report = belfry.dispatcher.tick(belfry.clock.now(), "bench")
        return Throughput(due=n, done=report.handed_out, seconds=time.perf_counter() - begin)

    def bare(self, n: int) -> Throughput:
        """The same bytes as `dispatch`, made beforehand."""
        belfry = self.site.app()
        load(belfry, n, time.time() - 3600)
        return bare.dispatch(bare.prepared(belfry, self.site.azurite), n)

    @told
    def done(self, n: int, processes: int) -> Throughput:
        """See `Peer`: from the last host's tick to the last job."""
        belfry = self.site.app()
        load(belfry, n, time.time() - 3600)
        return self._timed(belfry, n, processes)

    @told
    def steady(self, n: int, rounds: int) -> Throughput:
        """See `Peer`: each job has an earlier one to look up."""
        belfry = self.site.app()
        load(belfry, n, time.time() - 7200)
        self._timed(belfry, n, 1, ended=n)
        found = []
        for number in range(rounds):
            again(belfry, time.time() - 3600)
            self.site.ledger.clear()
            found.append(self._timed(belfry, n, 1, ended=n * (number + 2)))
        return middle(found)

    def idle(self, n: int) -> Idle | Absent:
        """See `Peer`."""
        belfry = self.site.app()
        load(belfry, n, time.time() + 86400)
        return idling.on_azurite(self.site, belfry, n)

    @told
    def lateness(self, per_second: int, seconds: int) -> Lateness:
        """See `Peer`. A schedule is due on a whole second: ten at once."""
        belfry, n = self.site.app(), per_second * seconds
        begin = int(time.time()) + 6
        load(belfry, n, begin, 1 / per_second)
        with self.site.hosts(belfry, {}) as hosts:
            self.site.ledger.wait(n, begin - time.time() + seconds + 10, *hosts)
        if not len(self.site.ledger):
            raise Failed("nothing ran")
        return self.site.ledger.lateness(per_second, n)

    @told
    def mixed(self, mix: Mix) -> Lateness | Absent:
        """See `Peer`."""
        belfry, n = self.site.app(), mix.per_second * mix.seconds
        first, step, begin = mix.times(time.time())
        load(belfry, mix.long, first, step, long_seconds=mix.long_seconds)
        load(belfry, n, begin, 1 / mix.per_second)
        with self.site.hosts(belfry, {"at_once": 0}) as hosts:
            patience = begin - time.time() + mix.seconds + 10 + min(30, 3 * mix.long_seconds)
            self.site.ledger.wait(n, patience, *hosts)
        return self.site.ledger.mixed(mix, begin)

    @told
    def crash(self, n: int, kills: int, seed: int) -> Crash:
        """See `Peer`."""
        points = random.Random(seed)
        lost = doubled = repeated = 0
        recoveries: list[float] = []
        for _ in range(kills):
            belfry = self.site.app()
            load(belfry, n, time.time() - 3600)
            recoveries.append(self._round(belfry, n, round(n * points.uniform(0.05, 0.75))))
            lost += n - self._effects()
            doubled += self.site.ledger.lost_and_doubled(n)[1]
            repeated += sum(job.attempt > 1 for job in belfry.table.jobs())
        return Crash(
            schedules=n,
            kills=kills,
            lost=lost,
            doubled=doubled,
            recovery_seconds=statistics.median(recoveries),
            note="with leases of 6 s (as it comes 60), a tick each 2 s (60)"
            "; a job that was running when its host was "
            f"killed gets another attempt: {repeated} did, whose effect its idempotency key (the "
            "job's id) refused",
        )

    @told
    def full(self, order: Killing) -> FullHost:
        """See `Peer`. Explained: it ended without a start, and its row says why."""
        belfry, base = self.site.app(), time.time() - 3600
        load(belfry, order.due, base)
        jobs = {
            number: job_id(one.id, one.created_at)
            for number, one in enumerate(schedules(order.due, base))
        }
        asked = {"seconds": order.job_seconds, "starts": True} | (_BRISK if order.brisk else {})

        def start() -> list[Host]:
            return [self.site.host(belfry, **asked)]

        def account(started: set[int]) -> Owed:
            waiting = [jobs[number] for number in jobs.keys() - started]
            explained = len(belfry.table.ended(waiting))
            return Owed(explained, explained == len(waiting))

        return killing.drive(order, self.site.ledger, start, account)

    def counts(self, n: int) -> tuple[Counts, Counts, int]:
        """(calls of a tick for `n` due schedules, of the worker for their jobs, messages).

        What a tick costs that finds nothing is taken off.
        """
        counted = Counted()
        belfry = self.site.same(self.site.app().settings.prefix, counted.transport())
        belfry.dispatcher.tick(belfry.clock.now(), "bench")
        counted.take()
        belfry.dispatcher.tick(belfry.clock.now(), "bench")
        idle = counted.take()
        load(belfry, n, time.time() - 3600)
        counted.take()
        belfry.dispatcher.tick(belfry.clock.now(), "bench")
        ticked = counted.take().less(idle)
        queue = receiving(belfry, Names(belfry.settings.prefix).queue)
        received = queue.receive_messages(messages_per_page=32, visibility_timeout=60)
        sent = [parse(message.content) for message in received]
        counted.take()
        for one in sent:
            belfry.worker.work(one)
        return ticked, counted.take(), len(sent)

    def _timed(self, belfry: App, n: int, processes: int, ended: int = 0) -> Throughput:
        """Until `n` are done. Before its hosts are killed, so many rows of ended jobs are there."""
        ledger = self.site.ledger
        orders: list[dict[str, Any]] = [{"tick_seconds": 0}] * (processes - 1)
        with self.site.hosts(belfry, *orders, {}) as hosts:
            meter = Meter(hosts, [self.site.azurite.process])
            if not ledger.wait(n, self._limit, *hosts):
                raise Failed(f"{len(ledger)} of {n} done after {self._limit:.0f} s")
            processor = meter.read(n)
            deadline = time.monotonic() + self._limit
            while ended and sum(1 for _ in belfry.table.jobs()) < ended:
                if time.monotonic() > deadline:
                    raise Failed(f"not all of {ended} jobs have ended")
                time.sleep(0.2)
        last = max(run.at for run in ledger.runs())
        return Throughput(
            due=n, done=n, seconds=last - self.site.began, processes=processes, processor=processor
        )

    def _round(self, belfry: App, n: int, kill_after: int) -> float:
        """One kill, and the seconds from the restart to the last run."""
        ledger = self.site.ledger
        order = _BRISK | {"seconds": _SECONDS, "keys": str(self.site.keys)}
        with self.site.hosts(belfry, order) as hosts:
            if not ledger.wait(kill_after, self._limit, *hosts):
                raise Failed(f"{len(ledger)} of {n} done after {self._limit:.0f} s")
        before, restarted = len(ledger), time.time()
        with self.site.hosts(belfry, order) as hosts:
            if not ledger.settle(_QUIET, self._limit, lambda: self._effects() == n, *hosts):
                raise Failed(f"not quiet {self._limit:.0f} s after a kill")
        return max([run.at - restarted for run in ledger.runs()[before:]], default=0.0)

    def _effects(self) -> int:
        """Jobs that did what they are for: their keys. (A kill may fall between key and line.)"""
        return sum(1 for _ in self.site.keys.iterdir())
