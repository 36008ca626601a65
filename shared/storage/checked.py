"""A clock that is checked against the storage's time, which every answer carries in `Date`.

All instances share one storage account, so they can all agree on its time. If the machine's clock
differs from it by more than `TOLERANCE`, `now()` gives the storage's time, carried on between
answers by a clock that nobody sets. `Date` has whole seconds, and an answer takes time to arrive.
So the storage's time is known only as a span, and the machine's clock counts as right within it.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from shared.clock import Clock, SystemClock
from shared.log import Event, event

TOLERANCE = timedelta(seconds=5)
_AGREES = timedelta(seconds=2)
"""A clock that was wrong counts as right again when it differs by no more than this."""
_SECOND = 1.0

_logger = logging.getLogger("belfry.clocks")


class CheckedClock:
    """The clock. Several threads may use it at once. `wall` is the machine's clock, which people
    may set."""

    def __init__(self, wall: Clock | None = None) -> None:
        self._wall = wall or SystemClock()
        self._lock = threading.Lock()
        self._read: tuple[float, datetime] | None = None
        """When a `Date` was last read: (`monotonic`, the machine's time)."""
        self._offset: float | None = None
        """The storage's time minus `monotonic`, in seconds; None until an answer was read."""
        self._difference: timedelta | None = None

    @property
    def difference(self) -> timedelta | None:
        """By how much the machine's clock is ahead of the storage's time; None while they agree."""
        return self._difference

    def now(self) -> datetime:
        wall, offset = self._wall.now(), self._offset
        if offset is None:
            return wall
        theirs = datetime.fromtimestamp(offset + self.monotonic(), UTC)
        wrong = self._difference is not None or abs(wall - theirs) > TOLERANCE
        return theirs if wrong else wall

    def monotonic(self) -> float:
        return self._wall.monotonic()

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        return self._wall.wait(event, longest)

    def sleep(self, duration: timedelta) -> None:
        self._wall.sleep(duration)

    def hear(self, date: str | None, took: float, *, at_once: bool = False) -> None:
        """Learn from the `Date` of an answer that came just now, `took` seconds after its request.

        Only one `Date` a second is read, unless `at_once` is set or the machine's clock jumped.
        Text that is not a date is ignored.
        """
        at, wall = self.monotonic(), self._wall.now()
        if date is None or (self._was_read(at, wall) and not at_once):
            return
        try:
            said = parsedate_to_datetime(date)
        except ValueError:
            return
        if said.tzinfo is None:
            return
        with self._lock:
            self._read = at, wall
            self._learn(said.timestamp() - at, took, wall, at)

    def _was_read(self, at: float, wall: datetime) -> bool:
        """Whether a `Date` was read less than a second ago, by both clocks."""
        if self._read is None:
            return False
        steady, then = self._read
        return at - steady < _SECOND and abs((wall - then).total_seconds()) < _SECOND

    def _learn(self, earliest: float, took: float, wall: datetime, at: float) -> None:
        """Correct the offset, which lies between `earliest` and `earliest + 1 + took` seconds, and
        log it if the machine's clock becomes wrong or right."""
        known = wall.timestamp() - at if self._offset is None else self._offset
        self._offset = min(max(known, earliest), earliest + 1 + took)
        difference = wall - datetime.fromtimestamp(self._offset + at, UTC)
        before = self._difference
        is_small = abs(difference) <= TOLERANCE
        if before is None and is_small:
            return
        is_new = before is None or abs(difference - before) > TOLERANCE
        if is_small and (is_new or abs(difference) <= _AGREES):
            self._difference = None
            event(_logger, Event.CLOCK_RIGHT)
        elif is_new:
            self._difference = difference
            event(
                _logger,
                Event.CLOCK_WRONG,
                level=logging.ERROR,
                seconds=round(difference.total_seconds()),
                wrong=wall,
                right=wall - difference,
            )
