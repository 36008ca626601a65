"""The host as a whole: checks and loads the app, serves it, and stops it without losing work.

Told to stop (SIGINT, SIGTERM) it takes no more work and gives running functions three seconds;
then the process ends, in which the app hears of it (`__main__`). Told again, it stops at once. A
function that runs longer than `functionTimeout` ends the host, as in Azure, because a thread cannot
be stopped otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn

from local.host import routes, rules, settings
from local.host.apart import Apart
from local.host.http import Site
from local.host.queues import Queue
from local.host.settings import CannotStart, HostJson
from local.host.timers import Timer
from local.host.waiting import wait
from local.host.worker import Function, Worker

logger = logging.getLogger("host")

GRACE = timedelta(seconds=3)
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_THREADS = 32
"""For the host's own requests to storage; functions have a pool of their own."""


class TimedOut(Exception):
    """A function ran longer than functionTimeout; the process cannot go on."""


class Host:
    """One function app, served on one socket."""

    def __init__(self, folder: Path, environ: Mapping[str, str], *, apart: bool = False) -> None:
        """`apart`: the app runs in a process of its own, with only the packages that it brought."""
        self._folder = folder.resolve()
        self._environ = environ
        self._options: HostJson = settings.read_host_json(self._folder, environ)
        self._apart = Apart(self._options.function_timeout, self._timed_out) if apart else None
        self._worker = self._apart or Worker(self._options.function_timeout, self._timed_out)
        self._id = environ.get("AzureFunctionsWebHost__hostid") or _host_id(self._folder)
        self._stop = asyncio.Event()
        self._at_once = asyncio.Event()
        self._late = ""
        self._by_hand: set[asyncio.Task[None]] = set()
        self._listeners: dict[str, Timer | Queue] = {}

    async def load(self) -> list[Function]:
        """Load the app and hold it to the rules of the real host. Raises `CannotStart`."""
        functions = await self._worker.load(self._folder)
        wrong = rules.problems(functions, self._environ, self._options.route_prefix)
        if wrong:
            raise CannotStart("the real host would not run this app:\n  " + "\n  ".join(wrong))
        return functions

    async def serve(self, listening: socket.socket, on_ready: Callable[[], None]) -> int:
        """Run until told to stop; the number of invocations that had to be left running.

        Raises `CannotStart` before anything runs, `TimedOut` after a function overran.
        """
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="host"))
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.stop)
        try:
            return await self._serve(listening, on_ready)
        finally:
            if self._apart is not None:
                await self._apart.close(hastily=self.is_hurried or bool(self._late))

    async def _serve(self, listening: socket.socket, on_ready: Callable[[], None]) -> int:
        functions = await self.load()
        server = _Server(self._site(functions), on_ready)
        work = [asyncio.create_task(server.serve(sockets=[listening]))]
        work += [asyncio.create_task(one.run(self._stop)) for one in self._started(functions)]
        watched = [*work]
        if self._apart is not None:
            watched.append(asyncio.create_task(self._apart.ended()))
        await asyncio.wait(
            {asyncio.create_task(self._stop.wait()), *watched}, return_when="FIRST_COMPLETED"
        )
        for task in watched:  # neither a listener nor the worker ever ends by itself
            if task.done() and (error := task.exception()):
                raise error
        server.should_exit = True
        await self._settle([*work, *self._by_hand])
        if self._late:
            raise TimedOut(self._late)
        return self._worker.running

    @property
    def is_hurried(self) -> bool:
        """Whether it was told twice to stop."""
        return self._at_once.is_set()

    def stop(self) -> None:
        """Take no more work, and end when the running functions have; the second time, at once."""
        if self._stop.is_set():
            self._at_once.set()
        elif self._worker.running:
            logger.info("waiting for %d running function(s) ...", self._worker.running)
        self._stop.set()

    async def _settle(self, work: Sequence[asyncio.Task[None]]) -> None:
        if self._late:
            return
        ending = asyncio.create_task(asyncio.wait(work))
        hurry = asyncio.create_task(wait(self._at_once, GRACE))
        await asyncio.wait([ending, hurry], return_when=asyncio.FIRST_COMPLETED)

    def _site(self, functions: Sequence[Function]) -> Site:
        prefix = self._options.route_prefix
        served = [
            routes.of(one, self._environ, prefix)
            for one in functions
            if one.kind == "httpTrigger" and not self._is_disabled(one)
        ]
        self._listeners = {one.name: self._listener(one) for one in functions if _listens(one)}
        limit = settings.body_limit(self._environ)
        return Site(self._worker, functions, served, self._status, self._run_by_hand, limit)

    def _listener(self, function: Function) -> Timer | Queue:
        if function.kind == "timerTrigger":
            return Timer(self._worker, function, self._environ, self._id)
        return Queue(self._worker, function, self._environ, self._options.queues)

    def _started(self, functions: Sequence[Function]) -> Iterator[Timer | Queue]:
        for function in functions:
            if function.name in self._listeners and not self._is_disabled(function):
                yield self._listeners[function.name]

    def _is_disabled(self, function: Function) -> bool:
        value = self._environ.get(f"AzureWebJobs.{function.name}.Disabled", "")
        return value.lower() in ("true", "1")

    def _status(self) -> dict[str, Any]:
        state = "Stopping" if self._stop.is_set() else "Running"
        return {"id": self._id, "state": state, "running": self._worker.running}

    def _run_by_hand(self, function: Function, text: str) -> None:
        listener = self._listeners[function.name]
        run = listener.run_by_hand(text) if isinstance(listener, Queue) else listener.run_by_hand()
        task = asyncio.create_task(run)
        self._by_hand.add(task)
        task.add_done_callback(self._by_hand.discard)

    def _timed_out(self, function: str) -> None:
        limit = self._options.function_timeout
        self._late = (
            f"{function} ran longer than functionTimeout ({limit}); the host ends, as in Azure"
        )
        self._stop.set()


class _Server(uvicorn.Server):
    """uvicorn, which leaves signals to us and says when it serves."""

    def __init__(self, site: Site, on_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                site,
                log_config=None,
                log_level="warning",
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=int(GRACE.total_seconds()),
            )
        )
        self._on_ready = on_ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()


def _listens(function: Function) -> bool:
    return function.kind in ("timerTrigger", "queueTrigger")


def _host_id(folder: Path) -> str:
    """The same for the same folder, so that timers find their status again."""
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    return f"local-{digest}"
