"""Threads that are reused: starting one costs more than a short task."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

from shared.threads import start

T = TypeVar("T")


class Threads:
    """As many daemon threads as there is work under way; an idle one takes the next work.

    They are daemons, since a task that hangs must not keep the process from ending.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0

    def run(self, work: Callable[[], object]) -> bool:
        """Do `work` in a thread, now; False if no thread can be had. `work` must not raise."""
        with self._lock:
            if self._idle:
                self._idle -= 1
                self._work.put(work)
                return True
        return start(lambda: self._serve(work), self._name)

    def call(self, work: Callable[[], T]) -> Future[T]:
        """Do `work` in a thread now, or in this one if none can be had; what it returns or raises.

        If the future is cancelled before `work` begins, it is not done: whoever cancelled gives its
        message back. Once begun it cannot be cancelled, even if its caller stops waiting.
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
        while True:
            work()
            with self._lock:
                self._idle += 1
            work = self._work.get()
