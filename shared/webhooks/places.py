"""How many requests are under way at once, and whose turn it is, so that slow receivers do not hold
up fast ones.

An instance has so many places. One endpoint takes four of them, a slow one two, and one that nobody
knows yet, or that failed, one. All slow ones together take a quarter, all unknown ones half; and
one project takes half of what there is for each pace.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.webhooks.endpoint import Pace

T = TypeVar("T")

PLACES = 64
_OF_PACE = {Pace.FAST: PLACES, Pace.NEW: PLACES // 2, Pace.SLOW: PLACES // 4}
_OF_ENDPOINT = {Pace.FAST: 4, Pace.NEW: 1, Pace.SLOW: 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """Where a request goes."""

    hook: str
    project_id: int | None
    pace: Pace
    alone: bool = False
    """Whether only one request may be under way to it: it is ordered, or is to be probed."""


class Places:
    """The places of one instance."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self._taken: Counter[Hashable] = Counter()

    def take(self, way: Way) -> bool:
        """Take a place, if there is one; give it back with `free`."""
        with self.changed:
            limits = _limits(way)
            if any(self._taken[key] >= limit for key, limit in limits.items()):
                return False
            self._taken.update(limits.keys())
            return True

    def free(self, way: Way) -> None:
        """Give a place back."""
        with self.changed:
            self._taken.subtract(_limits(way).keys())
            for key in _limits(way).keys() - {"all"}:  # or each webhook would stay for ever
                if not self._taken[key]:
                    del self._taken[key]
            self.changed.notify_all()


def _limits(way: Way) -> dict[Hashable, int]:
    """What a request counts towards, and how many may be under way of each."""
    return {
        "all": PLACES,
        ("hook", way.hook): 1 if way.alone else _OF_ENDPOINT[way.pace],
        ("pace", way.pace): _OF_PACE[way.pace],
        ("project", way.project_id, way.pace): _OF_PACE[way.pace] // 2,
    }


class Turns(Generic[T]):
    """What is to be sent, by endpoint. Several threads take from it; no endpoint comes before
    another, however much there is for it."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._left: dict[str, deque[T]] = {}
        self._ways: dict[str, Way] = {}
        self._order: deque[str] = deque()

    def add(self, way: Way, items: Sequence[T]) -> None:
        """Add what is to be sent to an endpoint."""
        self._ways[way.hook] = way
        self._left.setdefault(way.hook, deque()).extend(items)
        self._order.append(way.hook)

    def take(self) -> tuple[Way, T] | None:
        """The next that has a place; waits for one. None: nothing is left. `done` ends its turn."""
        found: list[tuple[Way, T]] = []

        def looked() -> bool:
            if any(self._left.values()) and (one := self._next()) is not None:
                found.append(one)
            return bool(found) or not any(self._left.values())

        with self._places.changed:
            self._places.changed.wait_for(looked)
        return found[0] if found else None

    def _next(self) -> tuple[Way, T] | None:
        for _ in range(len(self._order)):
            hook = self._order[0]
            self._order.rotate(-1)
            if self._left[hook] and self._places.take(self._ways[hook]):
                return self._ways[hook], self._left[hook].popleft()
        return None

    def done(self, way: Way, pace: Pace) -> None:
        """Its turn is over; `pace` is how fast its endpoint is now."""
        with self._places.changed:
            self._places.free(way)
            old = self._ways[way.hook]
            self._ways[way.hook] = Way(
                hook=old.hook, project_id=old.project_id, pace=pace, alone=old.alone
            )

    def drop(self, hook: str) -> list[T]:
        """Take back all that is left for an endpoint."""
        with self._places.changed:
            left = list(self._left[hook])
            self._left[hook].clear()
            self._places.changed.notify_all()
            return left

    def stop(self) -> None:
        """Nothing further begins."""
        with self._places.changed:
            for items in self._left.values():
                items.clear()
            self._places.changed.notify_all()
