"""Celery's canvas, its messages and results in Redis."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from bench.flows import Measured, Order
from bench.flows.scripted import SLOW, Program, Scripted, kill
from bench.peers import Absent, environment
from bench.peers.celery import PACKAGES
from bench.peers.environment import SCRIPTS, Failed, Redis

_VISIBILITY = 5
_START = 60.0


class Celery(Scripted):
    """The client is one process, the worker another."""

    script = "flows_celery.py"
    packages = tuple(one for one in PACKAGES if "redbeat" not in one)
    setting = (
        f"chain and chord; prefork worker as it comes (a process a core), task_acks_late, "
        f"visibility_timeout {_VISIBILITY} s (as it comes 3600), Redis with appendonly and one "
        "fsync a second"
    )
    persists = "its result and the next one's message in Redis, before it is acknowledged"
    _redis: Redis | None = None
    _workers: Sequence[Program] = ()

    @property
    def name(self) -> str:
        """See `Engine`."""
        return f"{self.packages[0].replace('celery==', 'Celery ')} canvas, Redis"

    def start(self) -> Mapping[str, object]:
        """See `Scripted`."""
        program = environment.redis_server()
        if isinstance(program, Absent):
            raise Failed(program.why)
        self._redis = Redis(program, self.folder / "redis")
        return {"url": self._redis.url(0), "visibility": _VISIBILITY}

    def servers(self) -> Sequence[Program]:
        """See `Scripted`."""
        return [] if self._redis is None else [self._redis.process]

    def workers(self) -> Sequence[Program]:
        """See `Scripted`."""
        return self._workers

    def close(self) -> None:
        """See `Engine`."""
        if self._redis is not None:
            self._redis.stop()

    def ask(self, orders: Sequence[Order]) -> Measured:
        """See `Scripted`."""
        self._workers = [self._worker(0)]
        try:
            return super().ask(orders)
        finally:
            kill(*self._workers)
            self._workers = []

    def serve(self, run: str, width: int) -> list[Program]:
        """See `Scripted`."""
        worker = self._worker(SLOW)
        return [worker, *(super().serve(run, width) if run else [])]

    def _worker(self, seconds: float) -> Program:
        """One that takes messages."""
        ready = self.ledger.with_name("steps.ready")
        ready.unlink(missing_ok=True)
        command = [str(self.python), "-m", "celery", "--workdir", str(SCRIPTS)]
        command += ["-A", "flows_celery", "worker", "--loglevel", "WARNING"]
        worker = environment.start(command, self.folder / "worker.log", self.environment(seconds))
        deadline = time.monotonic() + _START
        while not ready.exists():
            ended = worker.poll() is not None
            if ended or time.monotonic() > deadline:
                kill(worker)
                raise Failed(f"the worker does not start, see {self.folder}", broken=ended)
            time.sleep(0.02)
        return worker
