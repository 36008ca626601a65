"""APScheduler 3 with its SQLAlchemy job store."""

from __future__ import annotations

import random
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

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
from bench.peers.ledger import Ledger
from bench.peers.processor import Meter
from local import postgres
from shared.errors import BelfryError

PACKAGES = (
    "APScheduler==3.11.3",
    "SQLAlchemy==2.1.9",
    "psycopg==3.3.9",
    "psycopg-binary==3.3.9",
    "typing_extensions==4.16.0",
    "tzlocal==5.4.5",
)
_SCRIPT = "apscheduler_peer.py"
_THREADS = 10
"""APScheduler's default."""
_CRASH_THREADS = 50
_QUIET = 3.0


class APScheduler:
    """One process: the documentation says that processes cannot share a job store."""

    def __init__(self, store: Literal["SQLite", "PostgreSQL"], limit: float = 120) -> None:
        self._store = store
        self._limit = limit
        self._server: postgres.Postgres | None = None

    @property
    def name(self) -> str:
        """See `Peer`."""
        return f"{PACKAGES[0].replace('==', ' ')}, {self._store}"

    @property
    def setting(self) -> str:
        """See `Peer`."""
        return (
            "misfire_grace_time=None (a late run is not dropped), coalesce, thread pool of "
            f"{_THREADS} ({_CRASH_THREADS} for the kills), a pool of their own for long jobs, the "
            "store as it comes"
        )

    def prepare(self, folder: Path) -> Absent | None:
        """See `Peer`."""
        python = environment.install(folder / "apscheduler", PACKAGES)
        if isinstance(python, Absent):
            return python
        self._python = python
        self._folder = folder / f"apscheduler-{self._store.lower()}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._ledger = Ledger(self._folder / "runs")
        if self._store == "SQLite":
            file = self._folder / "jobs.sqlite"
            file.unlink(missing_ok=True)
            self._url = f"sqlite:///{file}"
        else:
            try:
                self._server = postgres.start(self._folder / "server")
            except BelfryError as error:
                return Absent(why=f"PostgreSQL: {error}".splitlines()[0])
            url = self._server.url("postgres")
            self._url = url.replace("postgresql:", "postgresql+psycopg:")
        return None

    def close(self) -> None:
        """See `Peer`."""
        if self._server is not None:
            self._server.stop()

    @told
    def dispatch(self, n: int) -> Throughput:
        """See `Peer`."""
        found = self._run("dispatch", n=n)
        return Throughput(due=n, done=found["done"], seconds=found["seconds"])

    @told
    def done(self, n: int, processes: int) -> Throughput:
        """See `Peer`."""
        if processes > 1:
            raise Failed('its user guide: "job stores must never be shared"')
        self._load(n, time.time() - 3600)
        return replace(self._timed(n), note=self._missed(n))

    @told
    def steady(self, n: int, rounds: int) -> Throughput:
        """See `Peer`. It keeps nothing of earlier runs."""
        self._load(n, time.time() - 7200)
        self._timed(n)
        found = []
        for _ in range(rounds):
            self._run("again", base=time.time() - 3600)
            self._ledger.clear()
            found.append(self._timed(n))
        return middle(found)

    @told
    def idle(self, n: int) -> Idle:
        """See `Peer`."""
        passes = 21
        found = self._run("idle", n=n, passes=passes)
        return Idle(schedules=n, milliseconds=found["seconds"] * 1000, passes=passes)

    @told
    def lateness(self, per_second: int, seconds: int) -> Lateness:
        """See `Peer`."""
        n = per_second * seconds
        begin = time.time() + 4
        self._load(n, begin, 1 / per_second)
        with self._serving() as server:
            self._ledger.wait(n, begin - time.time() + seconds + 5, server)
        if not len(self._ledger):
            raise Failed("nothing ran")
        return self._ledger.lateness(per_second, n)

    @told
    def mixed(self, mix: Mix) -> Lateness | Absent:
        """See `Peer`. Its user guide has several executors, for jobs of different kinds."""
        n = mix.per_second * mix.seconds
        first, step, begin = mix.times(time.time())
        self._load(mix.long, first, step, long_seconds=mix.long_seconds)
        self._load(n, begin, 1 / mix.per_second, more=True)
        with self._serving(long_threads=mix.long) as server:
            self._ledger.wait(n, begin - time.time() + mix.seconds + 10, server)
        return self._ledger.mixed(mix, begin)

    @told
    def crash(self, n: int, kills: int, seed: int) -> Crash:
        """See `Peer`."""
        points = random.Random(seed)
        lost = doubled = 0
        recoveries = []
        for _ in range(kills):
            recoveries.append(self._round(n, round(n * points.uniform(0.05, 0.75))))
            one_lost, one_doubled = self._ledger.lost_and_doubled(n)
            lost += one_lost
            doubled += one_doubled
        return Crash(
            schedules=n,
            kills=kills,
            lost=lost,
            doubled=doubled,
            recovery_seconds=statistics.median(recoveries),
            note="lost is what waited in the thread pool: more with fewer threads or longer jobs",
        )

    @told
    def full(self, order: Killing) -> FullHost:
        """See `Peer`. What is not written for a while is not to come: it keeps no jobs."""
        self._load(order.due, time.time() - 3600)

        def start() -> list[subprocess.Popen[bytes]]:
            return [self._serve(_CRASH_THREADS, order.job_seconds, starts=True)]

        return killing.drive(order, self._ledger, start, lambda _: Owed(0, over=True))

    def _timed(self, n: int) -> Throughput:
        storage = [] if self._server is None else [self._server.process]
        with self._serving() as server:
            meter = Meter([server], storage)
            if not self._ledger.wait(n, self._limit, server):
                raise Failed(f"{len(self._ledger)} of {n} done after {self._limit:.0f} s")
            processor = meter.read(n)
        began = float(self._ledger.path.with_name("runs.began").read_text())
        ended = max(run.at for run in self._ledger.runs())
        return Throughput(due=n, done=n, seconds=ended - began, processor=processor)

    def _round(self, n: int, kill_after: int) -> float:
        """One kill, and the seconds from the restart to the last run; 0 when none came."""
        self._load(n, time.time() - 3600)
        with self._serving(_CRASH_THREADS, 0.05) as server:
            if not self._ledger.wait(kill_after, self._limit, server):
                raise Failed(f"{len(self._ledger)} of {n} done after {self._limit:.0f} s")
        before, restarted = len(self._ledger), time.time()
        with self._serving(_CRASH_THREADS, 0.05) as server:
            if not self._ledger.settle(_QUIET, self._limit, lambda: True, server):
                raise Failed(f"not quiet {self._limit:.0f} s after a kill")
        return max([run.at - restarted for run in self._ledger.runs()[before:]], default=0.0)

    def _load(self, n: int, base: float, step: float = 0, **more: object) -> None:
        if not more.get("more"):
            self._ledger.clear()
        self._run("load", n=n, base=base, step=step, **more)

    def _run(self, task: str, **parameters: object) -> Any:
        return environment.run(
            self._python, _SCRIPT, task, self._limit, {}, url=self._url, **parameters
        )

    @contextmanager
    def _serving(
        self, threads: int = _THREADS, seconds: float = 0, *, long_threads: int = 0
    ) -> Iterator[subprocess.Popen[bytes]]:
        server = self._serve(threads, seconds, long_threads=long_threads)
        try:
            yield server
        finally:
            environment.kill(server)

    def _serve(
        self, threads: int, seconds: float, *, starts: bool = False, long_threads: int = 0
    ) -> subprocess.Popen[bytes]:
        command = environment.command(
            self._python,
            _SCRIPT,
            "serve",
            url=self._url,
            threads=threads,
            ledger=str(self._ledger.path),
            seconds=seconds,
            starts=starts,
            long_threads=long_threads,
        )
        return environment.start(command, self._folder / "serve.log")

    def _missed(self, n: int) -> str:
        missed = self._run("missed", n=n, threads=_THREADS)["missed"]
        return f"with its default grace of 1 s {missed} of {n} due at once are never run"
