"""`python -m local.host FOLDER --port N`: serve the function app of a folder, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from local.host import settings
from local.host.process import listen
from local.host.run import Host, TimedOut
from local.host.settings import CannotStart

_PATIENCE = 15.0
"""Seconds for the interpreter's own exit, in which the app hears that the process ends (as it does
in Azure's worker): that exit would wait for functions that still run in threads."""


class _Line(logging.Formatter):
    """`[2026-11-20T08:00:00.123Z] name: message`, as the Core Tools show it."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002
        at = datetime.fromtimestamp(record.created, UTC)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def log_to_stdout() -> None:
    """Everything from INFO on; of Azure's SDKs, which log each request, only warnings."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Line("[%(asctime)s] %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("azure", "uvicorn", "asyncio", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It warns of each connection that it closes because more ran at once than it keeps.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def serve(
    folder: Path,
    listening: socket.socket,
    on_ready: Callable[[], None],
    on_hurry: Callable[[], None] = lambda: None,
    *,
    apart: bool = False,
) -> int:
    """Serve the app with this process's environment; the process's exit code, errors printed.

    `on_hurry` is called if nothing more is to be waited for.
    """

    async def run() -> int:
        host = Host(folder, os.environ, apart=apart)
        left = await host.serve(listening, on_ready)
        if host.is_hurried:
            on_hurry()
        return left

    try:
        left = asyncio.run(run())
    except (CannotStart, TimedOut) as error:
        print(f"\n{error}", file=sys.stderr, flush=True)
        on_hurry()
        return 1
    if left:
        print(f"{left} running function(s) did not end in time", file=sys.stderr)
    return 0


def main(on_hurry: Callable[[], None]) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=7071)
    parser.add_argument("--state", help="nothing to us; who started us finds us again by it")
    parser.add_argument(
        "--apart",
        action="store_true",
        help="run the app in a process of its own, with no packages but its own, as in Azure "
        "(FOLDER/.python_packages/lib/site-packages)",
    )
    options = parser.parse_args()
    log_to_stdout()
    try:
        for name, value in settings.read_values(options.folder / "local.settings.json").items():
            os.environ.setdefault(name, value)
        listening = listen(options.port)
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    port = listening.getsockname()[1]
    return serve(
        options.folder,
        listening,
        lambda: print(f"serving http://localhost:{port}", flush=True),
        on_hurry,
        apart=options.apart,
    )


if __name__ == "__main__":
    hurried = threading.Event()
    code = main(hurried.set)
    sys.stdout.flush()
    if hurried.is_set():
        os._exit(code)
    late = threading.Timer(_PATIENCE, os._exit, (code,))
    late.daemon = True
    late.start()
    gc.freeze()  # the interpreter's exit would look at every object once more: 0.3 s
    sys.exit(code)
