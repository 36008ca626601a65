"""Programs that die with the one that started them, even when that one is killed with -9.

On Linux a process can ask for a signal when its parent ends, but must ask by itself, and may not
do so in a fork of a threaded program. So this file is also a program: it asks, then becomes the
program it was told to start (`python child.py PARENT USER COMMAND...`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def spawn(
    command: Sequence[str],
    *,
    log: Path | None,
    env: Mapping[str, str] | None = None,
    user: tuple[int, int] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command`, safe from the terminal's Ctrl-C, with its output appended to `log`.

    `log`: None to leave the output where ours goes.
    `user`: the (user id, group id) to run it as, for root who starts what refuses to be root.
    Call it from a thread that lives as long as the child shall: Linux counts threads as parents.
    """
    launcher = [sys.executable, "-IS", __file__, str(os.getpid()), _shown(user), *command]
    with contextlib.nullcontext() if log is None else log.open("ab") as output:
        return subprocess.Popen(
            launcher,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if log is None else subprocess.STDOUT,
            env=dict(env) if env is not None else None,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], *, patience: float = 10) -> None:
    """Ask the process to end, and kill it when it has not after `patience` seconds."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _shown(user: tuple[int, int] | None) -> str:
    return "-" if user is None else f"{user[0]}:{user[1]}"


def _become(parent: int, user: str, command: list[str]) -> None:
    import ctypes  # before the change of user, which may not be able to read it

    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if user != "-":  # before the request below, which a change of user would undo
        uid, gid = user.split(":")
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if libc is not None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before we could ask
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
