"""What tasks need of the app: each service by its type, built when it is first used.

A task names a service by the type of one of its function's parameters; so does a check. The types
are small protocols, in modules that load nothing heavy, since indexing the tasks imports them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class Services:
    """The services that exist. Raises `KeyError` for any other: the app is built with all that its
    tasks need (`missing`)."""

    def __init__(self, makers: Mapping[type[Any], Callable[[], Any]]) -> None:
        """`makers`: how each is made; each is called once."""
        self._makers = {kind: once(make) for kind, make in makers.items()}

    def get(self, kind: type[T]) -> T:
        """The service of that type."""
        found: T = self._makers[kind]()
        return found

    def missing(self, kinds: Collection[type[Any]]) -> list[str]:
        """The names of the types that have no service."""
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
    """Each service taken, by the name of the parameter that takes it."""
    return {name: services.get(kind) for name, kind in takes.items()}
