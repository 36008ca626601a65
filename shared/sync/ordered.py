"""Calls of which several run at once, with their results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.threads import in_context

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Later(Generic[T]):
    """A result that a call will have."""

    call: Callable[[], T]


def in_order(steps: Iterable[T | Later[T]], most: int, window: int) -> Generator[T, None, None]:
    """The results of the steps, in their order. At most `most` calls run at once, and at most
    `window` steps are held, so one slow call does not stop the others at once.

    It never leaves a call running: on an error, or if it is closed early, it waits for those that
    run, and begins no other.
    """
    with ThreadPoolExecutor(most, "belfry-sync") as pool:
        held: deque[T | Future[T]] = deque()
        try:
            for step in steps:
                held.append(pool.submit(in_context(step.call)) if isinstance(step, Later) else step)
                while held and (len(held) >= window or _is_there(held[0])):
                    yield _result(held.popleft())
            while held:
                yield _result(held.popleft())
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _is_there(one: object) -> bool:
    return not isinstance(one, Future) or one.done()


def _result(one: T | Future[T]) -> T:
    return one.result() if isinstance(one, Future) else one
