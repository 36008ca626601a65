"""Microsoft's Azure Functions Core Tools (`func start`), used where they are installed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from shared.errors import Misconfigured


def find() -> str | None:
    """The `func` to use; None for the local host. Raises `Misconfigured`."""
    wish = os.environ.get("FUNC", "")
    if wish not in ("", "0", "1"):
        raise Misconfigured(f"FUNC is {wish!r}; use 1 (Core Tools) or 0 (the local host)")
    found = None if wish == "0" else shutil.which("func")
    if wish == "1" and not found:
        raise Misconfigured(
            "FUNC=1, but there is no `func` on PATH; install Azure Functions Core Tools 4, "
            "or leave FUNC away to use the local host"
        )
    return found


def serve(func: str, port: int, on_started: Callable[[], None]) -> int:
    """Run `func start` until it ends; it gets the terminal's Ctrl-C itself. Its exit code."""
    bin_folder = Path(sys.executable).parent
    environ = os.environ | {
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "VIRTUAL_ENV": str(bin_folder.parent),
    }
    process = subprocess.Popen([func, "start", "--port", str(port)], env=environ)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: process.send_signal(number))
    on_started()
    code = process.wait()
    return 0 if code in (0, -signal.SIGINT, -signal.SIGTERM) else 1
