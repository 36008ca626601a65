"""One database of Redis, and Celery's programs that work on it."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.peers import environment
from bench.peers.environment import SCRIPTS, Failed, Redis
from bench.peers.ledger import Ledger

CRASH_POOL = ("--pool", "threads", "--concurrency", "50")
_SCRIPT = "celery_peer.py"
_QUIET = 2.0
_START = 60.0

Program = subprocess.Popen[bytes]


class Site:
    """One database, emptied, and the programs that work on it."""

    def __init__(
        self,
        python: Path,
        redis: Redis,
        database: int,
        folder: Path,
        limit: float,
        settings: Mapping[str, object],
    ) -> None:
        self._python = python
        self.redis = redis
        self._database = database
        self._limit = limit
        self._log = folder / f"celery-{database}.log"
        self.ledger = Ledger(folder / f"runs-{database}")
        self.ledger.clear()
        redis.empty(database)
        told = {**settings, "ledger": str(self.ledger.path)}
        self._env = {"BENCH_PEER": json.dumps(told), "PYTHONPATH": str(SCRIPTS)}

    def run(self, task: str, **parameters: object) -> dict[str, float]:
        """A task of the script."""
        told: dict[str, float] = environment.run(
            self._python, _SCRIPT, task, self._limit, self._env, **parameters
        )
        return told

    def beat(self) -> Program:
        """The scheduler's program."""
        return self._celery("beat", "--scheduler", "redbeat.RedBeatScheduler", "--pidfile", "")

    def both(self) -> tuple[Program, Program]:
        """A worker that runs 50 jobs at once, and the scheduler."""
        return self.worker(0, *CRASH_POOL), self.beat()

    def worker(self, number: int, *pool: str) -> Program:
        """A worker's program."""
        name = f"{self._database}-{number}@localhost"
        quick = ("--without-gossip", "--without-mingle", "--without-heartbeat")
        return self._celery("worker", "--hostname", name, *quick, *pool)

    @contextmanager
    def workers(self, *pools: Sequence[str]) -> Iterator[list[Program]]:
        """One for each pool, all ready; killed at the end, since a warm shutdown waits for jobs."""
        started = [self.worker(number, *pool) for number, pool in enumerate(pools)]
        try:
            for process in started:
                self._wait_ready(process)
            yield started
        finally:
            environment.kill(*started)

    def round(self, n: int, kill_after: int, alone: threading.Lock) -> float:
        """One kill, and the seconds from the restart to the last run."""
        with alone:
            self.run("load", n=n, base=time.time() - 3600)
            both = self.both()
            try:
                if not self.ledger.wait(kill_after, self._limit, *both):
                    raise Failed(self._stuck(n, *both))
            finally:
                environment.kill(*both)
        before = len(self.ledger)
        restarted = time.time()
        both = self.both()
        try:
            if not self.ledger.settle(_QUIET, self._limit, self.is_drained, *both):
                raise Failed(self._stuck(n, *both))
        finally:
            environment.kill(*both)
        return max([run.at - restarted for run in self.ledger.runs()[before:]], default=0.0)

    def _stuck(self, n: int, *processes: Program) -> str:
        if any(process.poll() is not None for process in processes):
            return f"beat or worker ended by itself, see {self._log}"
        return f"{len(self.ledger)} of {n} done, and not over, after {self._limit:.0f} s"

    def is_drained(self) -> bool:
        """Whether nothing is due, nothing queued, and nothing in a worker's hands."""
        due = f"ZCOUNT redbeat::schedule 0 {time.time():.0f}"
        return not any(self.redis.ask(self._database, due, "LLEN celery", "HLEN unacked"))

    def _wait_ready(self, process: Program) -> None:
        file = self.ledger.path.with_name(f"{self.ledger.path.name}.ready.{process.pid}")
        deadline = time.monotonic() + _START
        while not file.exists():
            ended = process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise Failed(f"a worker does not start, see {self._log}", broken=ended)
            time.sleep(0.02)

    def _celery(self, *arguments: str) -> Program:
        command = [str(self._python), "-m", "celery", "--workdir", str(SCRIPTS)]
        command += ["-A", "celery_peer", *arguments, "--loglevel", "WARNING"]
        return environment.start(command, self._log, self._env)
