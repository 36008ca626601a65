"""What tasks need of the app: by its type, and built when it is first used.

A task names a service by the type of one of its function's parameters; so does a check. The types
are small protocols, in modules that load nothing heavy: whoever indexes the tasks imports them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class Services:
    """The services that there are. Raises `KeyError` for another: the app is built with all that
    its tasks need (`missing`)."""

    def __init__(self, makers: Mapping[type[Any], Callable[[], Any]]) -> None:
        """`makers`: how each is made; it is called once."""
        self._makers = {kind: once(make) for kind, make in makers.items()}

    def get(self, kind: type[T]) -> T:
        """The service of that type."""
        found: T = self._makers[kind]()
        return found

    def missing(self, kinds: Collection[type[Any]]) -> list[str]:
        """The names of those of these types that there are not."""
        return sorted(kind.__name__ for kind in kinds if kind not in self._makers)


def once(make: Callable[[], T]) -> Callable[[], T]:
    """`make`, called once, when its value is first asked for."""
    lock = threading.Lock()
    made: list[T] = []

    def get() -> T:
        with lock:
            if not made:
                made.append(make())
            return made[0]

    return get


def given(services: Services, takes: Mapping[str, type[Any]]) -> dict[str, Any]:
    """Each of them, by the name of the parameter that takes it."""
    return {name: services.get(kind) for name, kind in takes.items()}
