"""Several things at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def together(*works: Callable[[], T]) -> list[T]:
    """What each returns, all begun at the same time. An error is raised."""
    ready = threading.Barrier(len(works))
    found: list[T] = []
    errors: list[BaseException] = []

    def run(work: Callable[[], T]) -> None:
        ready.wait()
        try:
            found.append(work())
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    if errors:
        raise errors[0]
    return found
