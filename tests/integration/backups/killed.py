"""Processes that take a backup and are killed meanwhile.

`Nursery` is one process that has imported all it needs, and forks a child for each `Victim`: the
tests would spend their time on imports otherwise. It reads a JSON object a line, tells the child's
pid and, when that has ended, its status.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from shared.backups.postgres.source import PostgresSource
from shared.backups.source import Source
from shared.backups.sqlite.source import SqliteSource
from shared.settings import Secret
from tests.context import job_of
from tests.faults import Hold, Reset
from tests.integration.backups.setup import Meddled, Shelf

_SECONDS = 60
"""More than anything here takes."""


@dataclass(frozen=True, kw_only=True)
class Victim:
    """A job of another process."""

    connection_string: str
    word: str
    names: tuple[str, ...]
    database: str
    """A SQLite file's path, or the URL of a PostgreSQL database."""
    folder: str = ""
    """With PostgreSQL's client programs."""
    step: str = ""
    after: int = 1
    job_id: str = "nightly:2026"
    plan: Mapping[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        if "://" in self.database:
            return PostgresSource(Secret(self.database), folder=Path(self.folder))
        path = Path(self.database)
        return SqliteSource(path, temp=path.parent, busy_seconds=0.05)

    def run(self) -> None:
        """Take the backup."""

        def halt() -> None:
            print("here", flush=True)
            signal.pause()

        steps: dict[str, Any] = {self.step: halt} if self.step else {}
        source = Meddled(self.source, after=self.after, **steps)
        shelf = Shelf(self.connection_string, self.names, word=self.word)
        shelf.take(source, job_of(job_id=self.job_id), **self.plan)


class Nursery:
    """The process that forks victims. One at a time."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.backups.killed"],
            stdin=pipe,
            stdout=pipe,
            cwd=Path(__file__).parents[3],
        )

    def kill(self, victim: Victim, held: Hold | None = None) -> None:
        """Start it; kill it when it stands where it is to die. What it asked is never answered."""
        process = self._process
        assert process.stdin is not None
        process.stdin.write(json.dumps(asdict(victim)).encode() + b"\n")
        process.stdin.flush()
        pid = int(self._line())
        if held is None:
            assert self._line() == "here"
        else:
            assert held.arrived.wait(_SECONDS)
        os.kill(pid, signal.SIGKILL)
        assert self._line() == f"ended by {signal.SIGKILL:d}"
        if held is not None:
            held.release(Reset())

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(_SECONDS) == 0
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()


def main() -> None:
    """The nursery's own side."""
    import azure.data.tables
    import azure.storage.blob
    import psycopg
    import zstandard

    assert azure.data.tables and azure.storage.blob and psycopg and zstandard
    while line := sys.stdin.buffer.readline():
        given = json.loads(line)
        pid = os.fork()
        if not pid:
            Victim(**given | {"names": tuple(given["names"])}).run()
            os._exit(0)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(f"ended by {status}", flush=True)


if __name__ == "__main__":
    main()
