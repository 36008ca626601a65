"""Celery with RedBeat, its schedules and its queue in Redis."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bench.peers import Absent, Crash, Idle, Lateness, Throughput, environment
from bench.peers.environment import SCRIPTS, Failed, Redis
from bench.peers.ledger import Ledger
from local import child

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
_SCRIPT = "celery_peer.py"
_INTERVAL = 5
_LOCK = 25
"""RedBeat's rule, five intervals: its lock must outlast a tick, and holds so long after a crash."""
_SURELY_A_SECOND = 200
"""How many due schedules a tick hands out at the least: more at once take a longer lock."""
_VISIBILITY = 30
"""Must outlast a job: what a killed worker had taken is delivered again after it."""
_CRASH_POOL = ("--pool", "threads", "--concurrency", "50")
_TOGETHER = 8
"""Rounds of kills that wait for those two at one time, each in a database of its own."""
_QUIET = 2.0
_START = 60.0


class Celery:
    """Beat is one process, and each worker another."""

    def __init__(self, limit: float = 120) -> None:
        self._limit = limit
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
            f"beat_max_loop_interval {_INTERVAL} s and redbeat_lock_timeout {_LOCK} s (as they come"
            f" 300 and 1500), task_acks_late, visibility_timeout {_VISIBILITY} s (3600), no results"
            ", solo workers (10 threads for the lateness, 50 for the kills), Redis with appendonly"
            " and one fsync a second"
        )

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

    def dispatch(self, n: int) -> Throughput | Absent:
        """See `Peer`."""
        try:
            told = self._site().run("dispatch", n=n)
        except Failed as error:
            return Absent(why=str(error))
        return Throughput(due=n, done=int(told["done"]), seconds=told["seconds"])

    def done(self, n: int, processes: int) -> Throughput | Absent:
        """See `Peer`."""
        site = self._site(prefetch=64)
        try:
            with site.workers(processes, "--pool", "solo"):
                began = site.run("dispatch", n=n)["began"]
                complete = site.ledger.wait(n, self._limit)
        except Failed as error:
            return Absent(why=str(error))
        if not complete:
            return Absent(why=f"{len(site.ledger)} of {n} done after {self._limit:.0f} s")
        ended = max(run.at for run in site.ledger.runs())
        return Throughput(
            due=n,
            done=n,
            seconds=ended - began,
            processes=processes,
            note="besides beat's own process, which sets the pace",
        )

    def idle(self, n: int) -> Idle | Absent:
        """See `Peer`."""
        passes = 21
        try:
            told = self._site().run("idle", n=n, passes=passes)
        except Failed as error:
            return Absent(why=str(error))
        return Idle(schedules=n, milliseconds=told["seconds"] * 1000, passes=passes)

    def lateness(self, per_second: int, seconds: int) -> Lateness | Absent:
        """See `Peer`."""
        n = per_second * seconds
        site = self._site()
        try:
            with site.workers(1, "--pool", "threads", "--concurrency", "10"):
                begin = time.time() + 6
                site.run("load", n=n, base=begin, step=1 / per_second)
                beat = site.beat()
                try:
                    site.ledger.wait(n, begin - time.time() + seconds + 5)
                finally:
                    environment.kill(beat)
        except Failed as error:
            return Absent(why=str(error))
        if not len(site.ledger):
            return Absent(why="nothing ran")
        return site.ledger.lateness(per_second, n)

    def crash(self, n: int, kills: int, seed: int) -> Crash | Absent:
        """See `Peer`. The rounds go to the kill one by one, and recover beside each other."""
        points = random.Random(seed)
        after = [round(n * points.uniform(0.05, 0.75)) for _ in range(kills)]
        lock = max(_LOCK, n // _SURELY_A_SECOND)
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

        try:
            with ThreadPoolExecutor(_TOGETHER) as pool:
                rounds = list(pool.map(one, after))
        except Failed as error:
            return Absent(why=str(error))
        return Crash(
            schedules=n,
            kills=kills,
            lost=sum(lost for _, lost, _ in rounds),
            doubled=sum(doubled for _, _, doubled in rounds),
            recovery_seconds=statistics.median(recovery for recovery, _, _ in rounds),
            note=f"waits for its lock ({lock} s here, as it comes 25 min) and for the visibility "
            f"timeout ({_VISIBILITY} s, as it comes 60 min)",
        )

    def _site(
        self, database: int = 0, *, prefetch: int = 4, seconds: float = 0, lock: int = _LOCK
    ) -> _Site:
        assert self._redis is not None
        settings = {
            "url": self._redis.url(database),
            "interval": _INTERVAL,
            "lock": lock,
            "visibility": _VISIBILITY,
            "prefetch": prefetch,
            "seconds": seconds,
        }
        return _Site(self._python, self._redis, database, self._folder, self._limit, settings)


class _Site:
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
        self._redis = redis
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

    def beat(self) -> subprocess.Popen[bytes]:
        """The scheduler's program."""
        return self._celery("beat", "--scheduler", "redbeat.RedBeatScheduler", "--pidfile", "")

    def worker(self, number: int, *pool: str) -> subprocess.Popen[bytes]:
        """A worker's program."""
        name = f"{self._database}-{number}@localhost"
        quick = ("--without-gossip", "--without-mingle", "--without-heartbeat")
        return self._celery("worker", "--hostname", name, *quick, *pool)

    @contextmanager
    def workers(self, count: int, *pool: str) -> Iterator[None]:
        """So many, all ready; ended at the end, with the processes of their pools."""
        started = [self.worker(number, *pool) for number in range(count)]
        try:
            for process in started:
                self._wait_ready(process)
            yield
        finally:
            for process in started:
                child.stop(process)

    def round(self, n: int, kill_after: int, alone: threading.Lock) -> float:
        """One kill, and the seconds from the restart to the last run."""
        with alone:
            self.run("load", n=n, base=time.time() - 3600)
            worker = self.worker(0, *_CRASH_POOL)
            both = (worker, self.beat())
            try:
                if not self.ledger.wait(kill_after, self._limit, *both):
                    raise Failed(self._stuck(n, *both))
            finally:
                environment.kill(*both)
        before = len(self.ledger)
        restarted = time.time()
        both = (self.worker(0, *_CRASH_POOL), self.beat())
        try:
            if not self.ledger.settle(_QUIET, self._limit, self._is_drained, *both):
                raise Failed(self._stuck(n, *both))
        finally:
            environment.kill(*both)
        return max([run.at - restarted for run in self.ledger.runs()[before:]], default=0.0)

    def _stuck(self, n: int, *processes: subprocess.Popen[bytes]) -> str:
        if any(process.poll() is not None for process in processes):
            return f"beat or worker ended by itself, see {self._log}"
        return f"{len(self.ledger)} of {n} done, and not over, after {self._limit:.0f} s"

    def _is_drained(self) -> bool:
        due = f"ZCOUNT redbeat::schedule 0 {time.time():.0f}"
        return not any(self._redis.ask(self._database, due, "LLEN celery", "HLEN unacked"))

    def _wait_ready(self, process: subprocess.Popen[bytes]) -> None:
        file = self.ledger.path.with_name(f"{self.ledger.path.name}.ready.{process.pid}")
        deadline = time.monotonic() + _START
        while not file.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"a worker does not start, see {self._log}")
            time.sleep(0.02)

    def _celery(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [str(self._python), "-m", "celery", "--workdir", str(SCRIPTS)]
        command += ["-A", "celery_peer", *arguments, "--loglevel", "WARNING"]
        return environment.start(command, self._log, self._env)
