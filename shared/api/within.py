"""Calls that an answer does not wait for longer than so long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

from shared.engine.work.threads import Threads

T = TypeVar("T")

_MOST = 16


class Within:
    """Makes such calls in threads of its own, a few at once: what hangs there keeps no thread from
    other requests."""

    def __init__(self, name: str, most: int = _MOST) -> None:
        self._threads = Threads(name)
        self._free = asyncio.Semaphore(most)

    async def __call__(self, seconds: float, call: Callable[[], T]) -> T | None:
        """What `call` returns; None if that takes longer, also for a thread to be free. Then it
        goes on, and what comes of it is lost. Raises what it raises in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._free.acquire()
                made = self._threads.call(call)
                made.add_done_callback(self._freeing(asyncio.get_running_loop()))
                return await asyncio.wrap_future(made)
        return None

    def _freeing(self, loop: asyncio.AbstractEventLoop) -> Callable[[Future[T]], None]:
        def freed(_: Future[T]) -> None:
            with suppress(RuntimeError):  # the loop ended before the call
                loop.call_soon_threadsafe(self._free.release)

        return freed
