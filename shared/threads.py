"""Threads, for work that must be finished even if no more threads can be started.

An interpreter that is shutting down starts no threads: Python 3.12.0 to 3.12.2 from the first of
its exit hooks on (https://github.com/python/cpython/issues/113964), other versions later. Executors
of every version accept no more work after the hook of concurrent.futures. A machine may also run
out of threads.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_context(call: Callable[[], T]) -> Callable[[], T]:
    """`call`, for another thread, in a copy of the caller's context: so that it belongs to the same
    invocation (`functions/_logs.py`), the same span (`shared.tracing`) and the same count of
    requests (`shared.storage.counted`)."""
    context = copy_context()
    return lambda: context.run(call)


def start(work: Callable[[], object], name: str) -> bool:
    """Run `work` in a daemon thread; False if none can be started, so that `work` did not begin."""
    try:
        threading.Thread(target=work, name=name, daemon=True).start()
    except RuntimeError:
        return False
    return True


def was_refused(error: BaseException) -> bool:
    """Whether Python raised it because it no longer starts threads or accepts work for them."""
    said = str(error) if isinstance(error, RuntimeError) else ""
    return "interpreter shutdown" in said or said == "can't start new thread"


class Pool:
    """A thread pool in which the caller works too; alone, if no thread can be started.

    `most`: how many calls of one `map` run at once, including the caller's. As a context manager,
    it leaves no thread behind.
    """

    def __init__(self, most: int, name: str) -> None:
        self._helpers = max(1, most - 1)
        self._executor = ThreadPoolExecutor(self._helpers, thread_name_prefix=name)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *error: object) -> None:
        self._executor.shutdown()

    def map(self, call: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """The results of `call` for the items, in their order.

        After a failure it begins no further item, and raises the first failure in the order of the
        items. When `map` ends, in whatever way, none of its calls is still running.
        """
        work = _Work(call, list(items))
        with suppress(RuntimeError):  # no thread can be had, or no further one
            for _ in range(min(self._helpers, work.size - 1)):
                self._executor.submit(in_context(work.do))
        work.do()
        return work.results()


class _Work(Generic[T, R]):
    """The items of one `map`; each thread that works on it takes one after another."""

    def __init__(self, call: Callable[[T], R], items: list[T]) -> None:
        self.size = len(items)
        self._call = call
        self._left = deque(enumerate(items))
        self._made: dict[int, R] = {}
        self._failed: dict[int, BaseException] = {}
        self._under_way = 0
        self._changed = threading.Condition()

    def do(self) -> None:
        """Do items that nobody else has taken, until none is left. Raises nothing."""
        while (taken := self._take()) is not None:
            number, item = taken
            try:
                self._made[number] = self._call(item)
            except BaseException as error:  # raised where the results are asked for
                self._failed[number] = error
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def results(self) -> list[R]:
        """In the items' order, when all is over. Raises the first failure."""
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way)
        if self._failed:
            raise self._failed[min(self._failed)]
        return [self._made[number] for number in range(self.size)]

    def _take(self) -> tuple[int, T] | None:
        with self._changed:
            if not self._left or self._failed:
                return None
            self._under_way += 1
            return self._left.popleft()
