"""Limits what this program may do, for good: nothing here can be taken back by what runs later.

It ends with the worker that started it, may use so much memory and time and write so much, and has
no network if the system lets it have one of its own (Linux, user namespaces). In a namespace of its
own it cannot look into the worker's memory or environment either.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from collections.abc import Mapping
from pathlib import Path

_DEATH_SIGNAL, _NO_NEW_PRIVILEGES = 1, 38
"""Of prctl(2)."""
_NEW_USER, _NEW_NETWORK, _NEW_IPC = 0x10000000, 0x40000000, 0x08000000
"""Of unshare(2)."""
_PROCESSES = 64
_OPEN_FILES = 256


def confine(parent: int, limits: Mapping[str, float]) -> bool:
    """Confine this program; whether it is cut off from the network."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)  # the worker ended before it could be followed
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    apart = _apart(libc)
    memory, seconds, output = int(limits["memory"]), int(limits["seconds"]), int(limits["output"])
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, output),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_NPROC, _threads() + _PROCESSES),
    ):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))
    soft, hard = seconds, seconds + 1  # so that it can be told from other ends
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
    return apart


def _apart(libc: ctypes.CDLL) -> bool:
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_NEW_USER | _NEW_NETWORK | _NEW_IPC) != 0:
        return False
    with contextlib.suppress(OSError):  # without a map it is nobody, who may read just the same
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    return True


def _threads() -> int:
    """Those that count for this user already: the limit is on all of them together."""
    own, found = os.getuid(), 0
    for one in Path("/proc").iterdir():
        if one.name.isdecimal():
            with contextlib.suppress(OSError):
                if one.stat().st_uid == own:
                    found += sum(1 for _ in (one / "task").iterdir())
    return found
