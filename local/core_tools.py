"""Microsoft's Azure Functions Core Tools (`func start`), used where they are installed."""

from __future__ import annotations

import os
import shutil
import sys
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


def command(func: str, port: int) -> tuple[list[str], dict[str, str]]:
    """How `func start` is started: arguments and environment."""
    bin_folder = Path(sys.executable).parent
    environ = os.environ | {
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "VIRTUAL_ENV": str(bin_folder.parent),
    }
    return [func, "start", "--port", str(port)], environ
