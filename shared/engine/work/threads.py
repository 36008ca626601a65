"""Threads that are reused: starting one costs more than a short task."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeVar

from shared.threads import in_context, start

T = TypeVar("T")


class Threads:
    """A daemon thread for each piece of work; idle threads are used again.

    They are daemon threads, so that a task that hangs does not keep the process from ending.
    `idle_seconds`: one that had no work for so long ends.
    """

    def __init__(self, name: str, *, idle_seconds: float = 30) -> None:
        self._name = name
        self._idle_seconds = idle_seconds
        self._work: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0

    def run(self, work: Callable[[], object]) -> bool:
        """Do `work` in a thread now, in a copy of the caller's context; False if no thread can be
        started. `work` must not raise."""
        handed = in_context(work)
        with self._lock:
            if self._idle:
                self._idle -= 1
                self._work.put(handed)
                return True
        return start(lambda: self._serve(handed), self._name)

    def call(self, work: Callable[[], T]) -> Future[T]:
        """Do `work` in a thread now, or in the caller's if none can be started; the future of its
        result.

        If the future is cancelled before `work` begins, `work` is not done, and the caller gives
        its message back. After that it cannot be cancelled, even if the caller stops waiting.
        """
        made: Future[T] = Future()

        def run() -> None:
            if not made.set_running_or_notify_cancel():
                return
            try:
                made.set_result(work())
            except BaseException as error:  # for whoever asks for the result
                made.set_exception(error)

        if not self.run(run):
            run()
        return made

    def _serve(self, work: Callable[[], object]) -> None:
        todo: Callable[[], object] | None = work
        del work
        while todo is not None:
            todo()
            todo = None  # keeps nothing alive while it waits
            with self._lock:
                self._idle += 1
            todo = self._next()

    def _next(self) -> Callable[[], object] | None:
        """The next work; None when this thread was idle for long enough, and no longer counts."""
        with suppress(Empty):
            return self._work.get(timeout=self._idle_seconds)
        with self._lock:  # `run` may have counted on this thread in the meantime
            with suppress(Empty):
                return self._work.get_nowait()
            self._idle -= 1
            return None
