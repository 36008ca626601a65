"""APScheduler 3 with its SQLAlchemy job store."""

from __future__ import annotations

import random
import statistics
import subprocess
import time
from pathlib import Path
from typing import Literal

from bench.peers import Absent, Crash, Idle, Lateness, Throughput, environment
from bench.peers.environment import Failed
from bench.peers.ledger import Ledger
from local import postgres

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
            f"{_THREADS} ({_CRASH_THREADS} for the kills), the store as it comes"
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
            except Exception as error:
                return Absent(why=f"PostgreSQL: {error}".splitlines()[0])
            url = self._server.url("postgres")
            self._url = url.replace("postgresql:", "postgresql+psycopg:")
        return None

    def close(self) -> None:
        """See `Peer`."""
        if self._server is not None:
            self._server.stop()

    def dispatch(self, n: int) -> Throughput | Absent:
        """See `Peer`."""
        try:
            told = environment.run(
                self._python, _SCRIPT, "dispatch", self._limit, {}, url=self._url, n=n
            )
        except Failed as error:
            return Absent(why=str(error))
        return Throughput(due=n, done=told["done"], seconds=told["seconds"])

    def done(self, n: int, processes: int) -> Throughput | Absent:
        """See `Peer`."""
        if processes > 1:
            return Absent(why='its user guide: "job stores must never be shared"')
        try:
            self._load(n, time.time() - 3600)
            server = self._serve(_THREADS)
            try:
                complete = self._ledger.wait(n, self._limit, server)
            finally:
                environment.kill(server)
            if not complete:
                return Absent(why=f"{len(self._ledger)} of {n} done after {self._limit:.0f} s")
            began = float(self._ledger.path.with_name("runs.began").read_text())
            ended = max(run.at for run in self._ledger.runs())
            note = self._missed(n)
        except Failed as error:
            return Absent(why=str(error))
        return Throughput(due=n, done=n, seconds=ended - began, note=note)

    def idle(self, n: int) -> Idle | Absent:
        """See `Peer`."""
        passes = 21
        try:
            told = environment.run(
                self._python, _SCRIPT, "idle", self._limit, {}, url=self._url, n=n, passes=passes
            )
        except Failed as error:
            return Absent(why=str(error))
        return Idle(schedules=n, milliseconds=told["seconds"] * 1000, passes=passes)

    def lateness(self, per_second: int, seconds: int) -> Lateness | Absent:
        """See `Peer`."""
        n = per_second * seconds
        try:
            begin = time.time() + 4
            self._load(n, begin, 1 / per_second)
            server = self._serve(_THREADS)
            try:
                self._ledger.wait(n, begin - time.time() + seconds + 5)
            finally:
                environment.kill(server)
        except Failed as error:
            return Absent(why=str(error))
        if not len(self._ledger):
            return Absent(why="nothing ran")
        return self._ledger.lateness(per_second, n)

    def crash(self, n: int, kills: int, seed: int) -> Crash | Absent:
        """See `Peer`."""
        points = random.Random(seed)
        lost = doubled = 0
        recoveries = []
        for _ in range(kills):
            try:
                recovery = self._round(n, round(n * points.uniform(0.05, 0.75)))
            except Failed as error:
                return Absent(why=str(error))
            recoveries.append(recovery)
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

    def _round(self, n: int, kill_after: int) -> float:
        """One kill, and the seconds from the restart to the last run; 0 when none came."""
        self._load(n, time.time() - 3600)
        server = self._serve(_CRASH_THREADS, 0.05)
        try:
            if not self._ledger.wait(kill_after, self._limit, server):
                raise Failed(f"{len(self._ledger)} of {n} done after {self._limit:.0f} s")
        finally:
            environment.kill(server)
        before = len(self._ledger)
        restarted = time.time()
        server = self._serve(_CRASH_THREADS, 0.05)
        try:
            if not self._ledger.settle(_QUIET, self._limit, lambda: True, server):
                raise Failed(f"not quiet {self._limit:.0f} s after a kill")
        finally:
            environment.kill(server)
        return max([run.at - restarted for run in self._ledger.runs()[before:]], default=0.0)

    def _load(self, n: int, base: float, step: float = 0) -> None:
        self._ledger.clear()
        environment.run(
            self._python,
            _SCRIPT,
            "load",
            self._limit,
            {},
            url=self._url,
            n=n,
            base=base,
            step=step,
        )

    def _serve(self, threads: int, seconds: float = 0) -> subprocess.Popen[bytes]:
        command = environment.command(
            self._python,
            _SCRIPT,
            "serve",
            url=self._url,
            threads=threads,
            ledger=str(self._ledger.path),
            seconds=seconds,
        )
        return environment.start(command, self._folder / "serve.log")

    def _missed(self, n: int) -> str:
        told = environment.run(
            self._python, _SCRIPT, "missed", self._limit, {}, url=self._url, n=n, threads=_THREADS
        )
        missed = told["missed"]
        return f"with its default grace of 1 s {missed} of {n} due at once are never run"
