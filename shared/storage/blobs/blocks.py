"""Blocks of a stream: several are in flight at once, and each is retried while storage is
unavailable."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

from shared.clock import Clock, SystemClock
from shared.errors import Unavailable
from shared.threads import in_context

T = TypeVar("T")

AHEAD = 2
"""Blocks in flight while the next one is made or used."""
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10.0
_LOOK = 0.5
"""Seconds between two calls of `check`."""


class Patience:
    """Retries calls to a service that is unavailable, for a limited time.

    It uses the machine's clock, unless a test passes another. To use the job's clock, every call of
    a transfer would have to pass it on, only for this.
    """

    def __init__(
        self, check: Callable[[], None], seconds: float, clock: Clock | None = None
    ) -> None:
        self._check = check
        self._seconds = seconds
        self._clock = clock or SystemClock()
        self._over = threading.Event()

    def end(self) -> None:
        """Give up: nobody needs the results any more, so calls that are waiting fail at once."""
        self._over.set()

    def call(self, attempt: Callable[[], T]) -> T:
        """Return what `attempt` returns. Raises `Unavailable` once it has failed with that for
        `seconds`; any other error at once, and whatever `check` raises."""
        first, pause = None, _FIRST_PAUSE
        while True:
            try:
                return attempt()
            except Unavailable:
                now = self._clock.monotonic()
                first = now if first is None else first
                left = first + self._seconds - now
                if left <= 0 or self._over.is_set():
                    raise
                self._wait(min(pause, left))
                if self._over.is_set():
                    raise
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _wait(self, seconds: float) -> None:
        until = self._clock.monotonic() + seconds
        while not self._over.is_set() and (left := until - self._clock.monotonic()) > 0:
            self._check()
            self._clock.wait(self._over, timedelta(seconds=min(left, _LOOK)))


def blocks(pieces: Iterator[bytes], size: Callable[[int], int]) -> Generator[bytes, None, None]:
    """The same bytes in blocks. Block `number`, from 0 on, has `size(number)` bytes; the last block
    may be shorter."""
    held: list[bytes | memoryview] = []
    number, missing = 0, size(0)
    for piece in pieces:
        rest = memoryview(piece)
        while len(rest) >= missing:
            held.append(rest[:missing])
            rest = rest[missing:]
            yield _joined(held)
            number += 1
            missing = size(number)
        if rest:
            held.append(rest)
            missing -= len(rest)
    if held:
        yield _joined(held)


def _joined(held: list[bytes | memoryview]) -> bytes:
    """Join the pieces and clear the list, so that a block that is being sent is in memory only
    once."""
    whole = b"".join(held)
    held.clear()
    return whole


def ahead(
    calls: Iterator[Callable[[], T]],
    most: int = AHEAD,
    leave: Callable[[], None] = lambda: None,
) -> Generator[T, None, None]:
    """Yield what the calls return, in order; at most `most` of them run at once.

    It never leaves a call running. On an error, or if it is closed early, it calls `leave`, which
    tells the running calls to end, and then waits until they have ended.
    """
    with ThreadPoolExecutor(most, "belfry-blocks") as pool:
        under_way: deque[Future[T]] = deque()
        try:
            for call in calls:
                if len(under_way) < most:
                    under_way.append(pool.submit(in_context(call)))
                    continue
                first = under_way.popleft().result()
                under_way.append(pool.submit(in_context(call)))
                yield first
            while under_way:
                yield under_way.popleft().result()
        except BaseException:
            leave()
            raise
