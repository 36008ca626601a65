"""The services that tasks need from the app, by type. Each is built when it is first used.

A task's function declares a service by the type of a parameter; so does a check. The types are
small protocols in modules that import nothing heavy, since indexing the tasks imports them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class Services:
    """The services that exist. A request for any other raises `KeyError`; the app checks at its
    start that none is `missing`."""

    def __init__(self, makers: Mapping[type[Any], Callable[[], Any]]) -> None:
        """`makers`: functions that make the services; each is called once."""
        self._makers = {kind: once(make) for kind, make in makers.items()}

    def get(self, kind: type[T]) -> T:
        """The service of that type."""
        found: T = self._makers[kind]()
        return found

    def missing(self, kinds: Collection[type[Any]]) -> list[str]:
        """The names of the types that have no service."""
        return sorted(kind.__name__ for kind in kinds if kind not in self._makers)


def once(make: Callable[[], T]) -> Callable[[], T]:
    """A function that calls `make` once, the first time, and returns its value each time."""
    lock = threading.Lock()
    made: list[T] = []

    def get() -> T:
        with lock:
            if not made:
                made.append(make())
            return made[0]

    return get


def given(services: Services, takes: Mapping[str, type[Any]]) -> dict[str, Any]:
    """The services for a function's parameters, by the parameters' names."""
    return {name: services.get(kind) for name, kind in takes.items()}
