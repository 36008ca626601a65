"""Looks at several parts at once, for a bounded time: each in a thread of its own.

What is not there in time is left out, and its look goes on; no second one begins meanwhile. So a
part that hangs costs one thread, however often it is asked for, and only the first who asks waits
for it. What a look found counts for a while (`Look.fresh`), and a little longer if a newer one is
late (`Look.believed`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from shared.clock import Clock
from shared.errors import BelfryError
from shared.health_summary.model import Part, Seen
from shared.log import Event, event
from shared.redaction import redact
from shared.threads import in_context, start

_logger = logging.getLogger("belfry.health")
PATIENCE = timedelta(seconds=1.5)
"""How long one answer waits for all parts together."""
FIRST = timedelta(seconds=5)
"""The same for the first answer of a process, which imports what it needs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How a part is looked at."""

    call: Callable[[], Any]
    """Finds the value. It may raise a `BelfryError`."""
    fresh: timedelta = timedelta()
    """For so long what it found counts, and nothing is asked."""
    believed: timedelta = timedelta(seconds=15)
    """For so long it counts if a newer look is late; and for so long a first look may take before
    that is a problem."""
    vital: bool = False
    """Whether even a first look that is late is a problem at once."""


@dataclass(slots=True)
class _State:
    found: Seen[Any]
    ended: datetime | None = None
    """When the last look ended, however it did."""
    running: datetime | None = None
    """Since when a look goes on."""
    hangs: bool = False
    """Whether somebody waited for it in vain."""


class Parts:
    """The parts. Several threads may look at once."""

    def __init__(
        self,
        looks: Mapping[Part, Look],
        clock: Clock,
        patience: timedelta = PATIENCE,
        first: timedelta = FIRST,
    ) -> None:
        self._first: timedelta | None = first
        self._looks = dict(looks)
        self._clock = clock
        self._patience = patience
        self._states = {part: _State(Seen()) for part in looks}
        self._changed = threading.Condition()

    def look(self) -> dict[Part, Seen[Any]]:
        """What is known of each part, after `patience` at most. Raises nothing."""
        with self._changed:
            for part in self._looks:
                self._begin(part)
            patience, self._first = self._first or self._patience, None
            self._changed.wait_for(self._all_there, patience.total_seconds())
            now = self._clock.now()
            return {part: self._shown(part, now) for part in self._looks}

    def _begin(self, part: Part) -> None:
        state, now = self._states[part], self._clock.now()
        if state.running is not None or self._is_fresh(part, now):
            return
        state.running, state.hangs = now, False
        if not start(in_context(partial(self._work, part)), "health"):
            state.running = None
            state.found = _failed(state.found, "no thread could be started", now)

    def _is_fresh(self, part: Part, now: datetime) -> bool:
        state = self._states[part]
        if state.ended is None or state.found.problem is not None:
            return False
        return timedelta() <= now - state.ended < self._looks[part].fresh

    def _all_there(self) -> bool:
        return all(one.running is None or one.hangs for one in self._states.values())

    def _work(self, part: Part) -> None:
        began = self._clock.now()
        found: Callable[[Seen[Any]], Seen[Any]]
        try:
            value = self._looks[part].call()
        except BelfryError as error:
            found = partial(_failed, problem=redact(str(error)), now=began)
            _tell(part, error, logging.WARNING)
        except Exception as error:  # a defect of one part, which must not hide the others
            found = partial(_failed, problem=f"a defect ({type(error).__name__})", now=began)
            _tell(part, error, logging.ERROR)
        else:
            found = partial(_found, value=value, now=began)
        with self._changed:
            state = self._states[part]
            state.found, state.running = found(state.found), None
            state.ended = self._clock.now()
            self._changed.notify_all()

    def _shown(self, part: Part, now: datetime) -> Seen[Any]:
        state, look = self._states[part], self._looks[part]
        if state.running is None:
            return state.found
        state.hangs = True
        found = state.found
        known = found.at if look.vital else found.at or state.running
        if found.problem is None and known is not None and now - known <= look.believed:
            return found
        waited = f"it has not answered since {state.running:%H:%M:%S} UTC"
        return replace(found, value=None, problem=waited, since=found.since or state.running)


def _found(before: Seen[Any], value: object, now: datetime) -> Seen[Any]:
    del before
    return Seen(value=value, at=now)


def _failed(before: Seen[Any], problem: str, now: datetime) -> Seen[Any]:
    return Seen(at=before.at, problem=problem.rstrip("."), since=before.since or now)


def _tell(part: Part, error: Exception, level: int) -> None:
    said = redact(f"{type(error).__name__}: {error}")
    event(_logger, Event.HEALTH_PART_FAILED, level=level, part=part, error=said)
