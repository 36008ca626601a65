"""What the peers need and we do not: packages in an environment of their own, and Redis."""

from __future__ import annotations

import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from bench.peers import Absent
from local import child, ports

P = ParamSpec("P")
T = TypeVar("T")

SCRIPTS = Path(__file__).parent / "scripts"
_installing = threading.Lock()
"""Two peers may share an environment."""


class Failed(Exception):
    """A program of a peer ended with an error (`broken`), or not in time; the text says which."""

    def __init__(self, text: str, *, broken: bool = False) -> None:
        super().__init__(text)
        self.broken = broken


def told(measure: Callable[P, T]) -> Callable[P, T | Absent]:
    """The measurement, which says why there is no figure when a program failed."""

    @functools.wraps(measure)
    def measured(*args: P.args, **kwargs: P.kwargs) -> T | Absent:
        try:
            return measure(*args, **kwargs)
        except Failed as error:
            return Absent(why=str(error), broken=error.broken)

    return measured


def install(folder: Path, packages: Sequence[str]) -> Path | Absent:
    """The Python of an environment with just these pinned packages; made once, then reused."""
    python = folder / "bin" / "python"
    stamp = folder / "installed"
    wanted = "\n".join((sys.version, *packages))
    with _installing:
        if stamp.exists() and stamp.read_text() == wanted:
            return python
        shutil.rmtree(folder, ignore_errors=True)
        try:
            _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
            _fill(python, packages)
        except (subprocess.SubprocessError, OSError) as error:
            return Absent(why=f"cannot be installed: {_last_line(error)}")
        stamp.write_text(wanted)
    return python


def _fill(python: Path, packages: Sequence[str]) -> None:
    """By uv, or by pip where only that is there or knows the index."""
    these = ("--python", str(python))
    more = ("install", "--quiet", "--no-deps", *packages)
    try:
        _run(sys.executable, "-m", "uv", "pip", more[0], *these, "--system-certs", *more[1:])
    except (subprocess.SubprocessError, OSError):
        _run(sys.executable, "-m", "pip", *these, "--retries", "1", *more)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)


def redis_server() -> str | Absent:
    """The program; Debian's package is installed for root where it is missing."""
    if found := shutil.which("redis-server"):
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return Absent(why="no redis-server: apt-get install redis-server")
    install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", "redis-server")
    try:
        try:
            _run(*install)
        except subprocess.CalledProcessError:  # on a new machine the lists are not there yet
            _run("apt-get", "update", "-qq")
            _run(*install)
    except (subprocess.SubprocessError, OSError) as error:
        return Absent(why=f"redis-server cannot be installed: {_last_line(error)}")
    return shutil.which("redis-server") or Absent(why="no redis-server on PATH")


def _last_line(error: Exception) -> str:
    lines = str(getattr(error, "stderr", "") or error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__


class Redis:
    """A server of ours, which keeps what it is given (`appendonly`, one fsync a second)."""

    def __init__(self, program: str, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (self.port,) = ports.free(1)
        command = [program, "--port", str(self.port), "--bind", ports.HOST, "--save", ""]
        command += ["--dir", str(folder), "--appendonly", "yes", "--appendfsync", "everysec"]
        self.process = child.spawn(command, log=folder / "redis.log")
        deadline = time.monotonic() + 10
        while not ports.answers(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failed("redis-server does not start")
            time.sleep(0.02)

    def url(self, database: int) -> str:
        """For clients."""
        return f"redis://{ports.HOST}:{self.port}/{database}"

    def ask(self, database: int, *commands: str) -> list[int]:
        """The answers to commands that answer with a number."""
        text = "".join(f"{line}\r\n" for line in (f"SELECT {database}", *commands))
        with socket.create_connection((ports.HOST, self.port), timeout=30) as connection:
            connection.sendall(text.encode())
            answers = connection.makefile("rb")
            answers.readline()
            return [int(answers.readline().strip().lstrip(b":")) for _ in commands]

    def empty(self, database: int) -> None:
        """Forget everything in it."""
        with socket.create_connection((ports.HOST, self.port), timeout=30) as connection:
            connection.sendall(f"SELECT {database}\r\nFLUSHDB\r\n".encode())
            connection.makefile("rb").readlines(6)

    def stop(self) -> None:
        """End it."""
        child.stop(self.process)


def command(python: Path, script: str, task: str, /, **parameters: object) -> list[str]:
    """How a script is started: with the name of a task, and its parameters as JSON."""
    return [str(python), str(SCRIPTS / script), task, json.dumps(parameters)]


def run(
    python: Path,
    script: str,
    task: str,
    limit: float,
    env: Mapping[str, str],
    /,
    **parameters: object,
) -> Any:
    """What the script answers: its last line, as JSON. Raises `Failed`, also after `limit` seconds.

    `env` is added to ours.
    """
    arguments = command(python, script, task, **parameters)
    try:
        ended = subprocess.run(
            arguments, capture_output=True, text=True, timeout=limit, env=os.environ | env
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"not over after {limit:.0f} s") from None
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or ["ended"])[-1]
        raise Failed(f"{task}: {last}", broken=True)
    return json.loads(ended.stdout.splitlines()[-1])


def start(
    arguments: Sequence[str], log: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A program that goes on, and ends with us."""
    return child.spawn(arguments, log=log, env={**os.environ, **(env or {})})


def kill(*processes: subprocess.Popen[bytes]) -> None:
    """Kill -9, all before any is waited for."""
    for process in processes:
        process.kill()
    for process in processes:
        process.wait()
