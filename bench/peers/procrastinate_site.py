"""Procrastinate's tables in a PostgreSQL of ours, and the workers on them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from bench.peers import environment
from bench.peers.environment import Failed
from bench.peers.ledger import Ledger
from local import postgres

AT_ONCE = 30
"""Coroutines of a worker: the example of its guide to concurrency."""
_SCRIPT = "procrastinate_peer.py"
_START = 60.0
_TABLES = "procrastinate_jobs, procrastinate_periodic_defers, procrastinate_workers"

Program = subprocess.Popen[bytes]


class Site:
    """Its tables are made anew."""

    def __init__(self, python: Path, folder: Path, server: postgres.Postgres, limit: float) -> None:
        self._python = python
        self._folder = folder
        self._limit = limit
        self._url = server.url("postgres")
        self.server = server
        self.ledger = Ledger(folder / "runs")
        self._ask("DROP SCHEMA public CASCADE")
        self._ask("CREATE SCHEMA public")
        self.run("schema")

    def empty(self) -> None:
        """Forget all jobs and runs."""
        self.ledger.clear()
        self._ask(f"TRUNCATE {_TABLES} CASCADE")

    @contextmanager
    def working(self, *orders: dict[str, Any]) -> Iterator[list[Program]]:
        """A worker for each order, started one by one; killed at the end."""
        started: list[Program] = []
        try:
            for number, order in enumerate(orders):
                started.append(self.serve(number, **order))
                self._wait_began(number, started)
            yield started
        finally:
            environment.kill(*started)

    def serve(self, number: int, **order: Any) -> Program:
        """A worker, told what differs from an idle one (`serve` of the script)."""
        self.began(number).unlink(missing_ok=True)
        asked: dict[str, Any] = {
            "loads": [],
            "queues": None,
            "concurrency": AT_ONCE,
            "seconds": 0,
            "starts": False,
            "stalled_after": 0,
        }
        command = environment.command(
            self._python,
            _SCRIPT,
            "serve",
            url=self._url,
            ledger=str(self.ledger.path),
            began=str(self.began(number)),
            **(asked | order),
        )
        return environment.start(command, self._folder / "serve.log")

    def _wait_began(self, number: int, started: Sequence[Program]) -> None:
        deadline = time.monotonic() + _START
        while not self.began(number).exists():
            ended = any(one.poll() is not None for one in started)
            if ended or time.monotonic() > deadline:
                log = self._folder / "serve.log"
                raise Failed(f"a worker does not start, see {log}", broken=ended)
            time.sleep(0.01)

    def began(self, number: int) -> Path:
        """The file into which that worker writes when it began."""
        return self._folder / f"began-{number}"

    def run(self, task: str, **parameters: object) -> Any:
        """A task of the script."""
        return environment.run(
            self._python, _SCRIPT, task, self._limit, {}, url=self._url, **parameters
        )

    def _ask(self, query: str) -> list[Any]:
        with psycopg.connect(self._url, autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    def count(self, query: str) -> int:
        """The number that a query answers with."""
        return int(self._ask(query)[0][0])
