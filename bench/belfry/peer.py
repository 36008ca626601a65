"""Belfry as a peer: its tick, its worker and its hosts as processes, on Azurite on this machine."""

from __future__ import annotations

import json
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from bench.belfry import bare
from bench.belfry.counted import Counted, Counts
from bench.belfry.world import Jobs, app, load
from bench.peers import Absent, Crash, Idle, Lateness, Throughput
from bench.peers.ledger import Ledger
from local import azurite, child
from shared.app import App
from shared.storage.names import Names
from shared.storage.queue import parse

SHARDS = 8
_PASSES = 11
_CRASH_LEASE = 6
_QUIET = 3.0
_HOST = Path(__file__).with_name("host.py")


class Belfry:
    """Each measurement has a table and queues of its own on one fresh Azurite."""

    name = "Belfry, Azurite"
    setting = (
        f"{SHARDS} shards, 50 jobs at once a host, tick each minute; for the kills, leases of "
        f"{_CRASH_LEASE} s (default: 60) and a tick each 2 s"
    )

    def __init__(self, limit: float = 120) -> None:
        self._limit = limit
        self._azurite: azurite.Azurite | None = None
        self._prefixes = count()

    def prepare(self, folder: Path) -> Absent | None:
        """See `Peer`."""
        self._folder = folder / "belfry"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._ledger = Ledger(self._folder / "runs")
        self._began = self._folder / "began"
        self._keys = self._folder / "keys"
        return None

    def close(self) -> None:
        """See `Peer`."""
        if self._azurite is not None:
            self._azurite.stop()
            self._azurite = None

    def dispatch(self, n: int) -> Throughput | Absent:
        """See `Peer`."""
        belfry = self._app()
        load(belfry, n, time.time() - 3600)
        begin = time.perf_counter()
        report = belfry.dispatcher.tick(belfry.clock.now(), "bench")
        return Throughput(due=n, done=report.handed_out, seconds=time.perf_counter() - begin)

    def bare(self, n: int) -> Throughput:
        """The same bytes as `dispatch`, made beforehand."""
        belfry = self._app()
        load(belfry, n, time.time() - 3600)
        assert self._azurite is not None
        return bare.dispatch(bare.prepared(belfry, self._azurite), n)

    def done(self, n: int, processes: int) -> Throughput | Absent:
        """See `Peer`: from the first host's tick to the last job."""
        belfry = self._app()
        load(belfry, n, time.time() - 3600)
        self._ledger.clear()
        hosts = [self._host(belfry, ticks=0) for _ in range(processes - 1)]
        try:
            hosts.append(self._host(belfry, ticks=60))
            if not self._ledger.wait(n, self._limit, *hosts):
                return Absent(why=f"{len(self._ledger)} of {n} done after {self._limit:.0f} s")
        finally:
            _kill(hosts)
        ended = max(run.at for run in self._ledger.runs())
        return Throughput(
            due=n,
            done=n,
            seconds=ended - float(self._began.read_text()),
            processes=processes,
        )

    def idle(self, n: int) -> Idle | Absent:
        """See `Peer`."""
        belfry = self._app()
        load(belfry, n, time.time() + 86400)
        times: list[float] = []
        for _ in range(_PASSES):
            begin = time.perf_counter()
            belfry.dispatcher.tick(belfry.clock.now(), "bench")
            times.append((time.perf_counter() - begin) * 1000)
        return Idle(schedules=n, milliseconds=statistics.median(times), passes=_PASSES)

    def lateness(self, per_second: int, seconds: int) -> Lateness | Absent:
        """See `Peer`. A schedule is due on a whole second: ten at once."""
        belfry = self._app()
        begin = int(time.time()) + 6
        load(belfry, per_second * seconds, begin, 1 / per_second)
        self._ledger.clear()
        hosts = [self._host(belfry, ticks=60)]
        try:
            self._ledger.wait(per_second * seconds, begin - time.time() + seconds + 10, *hosts)
        finally:
            _kill(hosts)
        if not len(self._ledger):
            return Absent(why="nothing ran")
        return self._ledger.lateness(per_second, per_second * seconds)

    def crash(self, n: int, kills: int, seed: int) -> Crash | Absent:
        """See `Peer`."""
        points = random.Random(seed)
        lost = doubled = again = 0
        recoveries: list[float] = []
        for _ in range(kills):
            belfry = self._app()
            load(belfry, n, time.time() - 3600)
            self._ledger.clear()
            shutil.rmtree(self._keys, ignore_errors=True)
            self._keys.mkdir()
            recovery = self._round(belfry, n, round(n * points.uniform(0.05, 0.75)))
            if isinstance(recovery, Absent):
                return recovery
            recoveries.append(recovery)
            lost += n - self._effects()
            doubled += self._ledger.lost_and_doubled(n)[1]
            again += sum(job.attempt > 1 for job in belfry.table.jobs())
        return Crash(
            schedules=n,
            kills=kills,
            lost=lost,
            doubled=doubled,
            recovery_seconds=statistics.median(recoveries),
            note=f"a job that was running when its host was killed gets another attempt: {again} "
            "did, whose effect its idempotency key (the job's id) refused",
        )

    def counts(self, n: int) -> tuple[Counts, Counts, int]:
        """(calls of a tick for `n` due schedules, of the worker for their jobs, messages).

        What a tick costs that finds nothing is taken off.
        """
        counted = Counted()
        belfry = self._app(counted)
        counted.take()
        belfry.dispatcher.tick(belfry.clock.now(), "bench")
        idle = counted.take()
        load(belfry, n, time.time() - 3600)
        counted.take()
        belfry.dispatcher.tick(belfry.clock.now(), "bench")
        ticked = counted.take().less(idle)
        queue = belfry.connection.queue(Names(belfry.settings.prefix).queue)
        received = queue.receive_messages(messages_per_page=32, visibility_timeout=60)
        sent = [parse(message.content) for message in received]
        counted.take()
        for one in sent:
            belfry.worker.work(one)
        return ticked, counted.take(), len(sent)

    def _round(self, belfry: App, n: int, kill_after: int) -> float | Absent:
        """One kill, and the seconds from the restart to the last run."""
        hosts = [self._host(belfry, ticks=2, seconds=0.05)]
        try:
            if not self._ledger.wait(kill_after, self._limit, *hosts):
                return Absent(why=f"{len(self._ledger)} of {n} done after {self._limit:.0f} s")
        finally:
            _kill(hosts)
        before = len(self._ledger)
        restarted = time.time()
        hosts = [self._host(belfry, ticks=2, seconds=0.05)]

        def over() -> bool:
            return self._effects() == n

        try:
            if not self._ledger.settle(_QUIET, self._limit, over, *hosts):
                return Absent(why=f"not quiet {self._limit:.0f} s after a kill")
        finally:
            _kill(hosts)
        return max([run.at - restarted for run in self._ledger.runs()[before:]], default=0.0)

    def _effects(self) -> int:
        """Jobs that did what they are for: their keys. (A kill may fall between key and line.)"""
        return sum(1 for _ in self._keys.iterdir())

    def _app(self, counted: Counted | None = None) -> App:
        """An app on a fresh Azurite: one that holds much is slower."""
        self.close()
        shutil.rmtree(self._folder / "azurite", ignore_errors=True)
        self._azurite = azurite.start(self._folder / "azurite")
        prefix = f"bench{next(self._prefixes)}"
        made = app(
            self._azurite.connection_string,
            prefix,
            shards=SHARDS,
            jobs=Jobs(),
            transport=None if counted is None else counted.transport(),
        )
        made.prepare()
        return made

    def _host(self, belfry: App, *, ticks: float, seconds: float = 0.0) -> subprocess.Popen[bytes]:
        """A host that is up."""
        assert self._azurite is not None
        self._began.unlink(missing_ok=True)
        given = {
            "connection_string": self._azurite.connection_string,
            "prefix": belfry.settings.prefix,
            "shards": SHARDS,
            "ledger": str(self._ledger.path),
            "seconds": seconds,
            "lease_seconds": _CRASH_LEASE if seconds else 60,
            "keys": str(self._keys) if seconds else "",
            "began": str(self._began),
            "tick_seconds": ticks,
        }
        arguments = [sys.executable, str(_HOST), json.dumps(given)]
        host = child.spawn(arguments, log=self._folder / "host.log")
        while not (self._began.exists() and self._began.read_text()):
            assert host.poll() is None, "a host did not start; see host.log"
            time.sleep(0.01)
        return host


def _kill(hosts: Sequence[subprocess.Popen[bytes]]) -> None:
    for host in hosts:
        host.kill()
        host.wait()
