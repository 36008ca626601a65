"""The worker in a process of its own, with the app's packages and no others, as in Azure.

In Azure the host and the worker's library come with the platform, and the app brings its packages
in `.python_packages/lib/site-packages`, where a remote build installs requirements.txt. A package
that is missing there, but installed on a developer's machine, would only show in Azure. So here
the worker's process (`alone`) starts without any installed packages.

The two processes exchange pickles on a socket, each with its length before it; each request has a
number, and so has its answer. If the host ends, the worker's socket does, and so the worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure_functions_runtime

from local.host import alone
from local.host.protos import TypedData
from local.host.settings import CannotStart
from local.host.worker import Function, Outcome

PACKAGES = Path(".python_packages/lib/site-packages")
"""Where the app's packages are, below its folder."""
_ENDED = "the worker's process ended"
_PATIENCE = 15.0
"""Seconds for the worker's own exit, in which the app hears that the process ends."""


class Apart:
    """A `Worker` in another process."""

    def __init__(
        self, timeout: timedelta | None, on_timeout: Callable[[str], None] = lambda _name: None
    ) -> None:
        self._timeout = timeout
        self._on_timeout = on_timeout
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.running = 0
        """Invocations that have not ended."""

    async def load(self, folder: Path) -> list[Function]:
        """Start the process, and index the app. Raises `CannotStart`."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                _command(theirs.fileno()),
                cwd=folder,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the host, which tells the worker
            )
        reader, self._writer = await asyncio.open_connection(sock=ours)
        self._listening = asyncio.create_task(self._listen(reader))
        found: list[Function] = await self._ask("load", folder, folder / PACKAGES, self._timeout)
        return found

    async def invoke(
        self, function: Function, data: TypedData, metadata: Mapping[str, TypedData] | None = None
    ) -> Outcome:
        """Run the function on `data`, as `Worker.invoke` does."""
        self.running += 1
        try:
            found: Outcome = await self._ask("invoke", function, data, dict(metadata or {}))
        finally:
            self.running -= 1
        return found

    async def ended(self) -> None:
        """Wait for the process to end, which it does not by itself. Raises `CannotStart`."""
        await self._listening
        raise CannotStart(_ENDED)

    async def close(self, *, hastily: bool = False) -> None:
        """Let the process end by itself, and kill it if it does not, or `hastily`."""
        if self._process is None:
            return
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()
        try:
            await asyncio.to_thread(self._process.wait, 0 if hastily else _PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    async def _ask(self, *request: Any) -> Any:
        if self._writer is None or self._listening.done():
            raise CannotStart(_ENDED)
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        alone.send(self._writer, (number, *request))
        return await self._waiting[number]

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Hand out the answers, until the worker ends."""
        while (answer := await alone.receive(reader)) is not None:
            number, kind, value = answer
            if kind == "late":
                self._on_timeout(value)
            elif kind == "failed":
                self._waiting.pop(number).set_exception(CannotStart(value))
            else:
                self._waiting.pop(number).set_result(value)
        for waiting in self._waiting.values():
            waiting.set_exception(CannotStart(_ENDED))


def _command(descriptor: int) -> list[str]:
    """`-I -S`: no PYTHONPATH, no installed packages, and not this project."""
    library = str(Path(str(azure_functions_runtime.__file__)).parent)
    return [sys.executable, "-IS", alone.__file__, str(descriptor), library]
