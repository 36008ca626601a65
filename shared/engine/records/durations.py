"""How long a schedule's runs take, learned from its own jobs and kept for an hour (C16)."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.schedules import learned
from shared.storage.tables.run_times import RunTimes
from shared.threads import Pool

MOST = 60
"""The most schedules that one request learns of; each takes a query."""
_KEPT = timedelta(hours=1)
_MOST_KEPT = 20_000
_AT_ONCE = 8


class Durations:
    """What is learned. Several threads may use it at once."""

    def __init__(self, times: RunTimes, clock: Clock) -> None:
        self._times = times
        self._clock = clock
        self._known: dict[str, tuple[datetime, float]] = {}
        self._lock = threading.Lock()

    def of(self, schedule_ids: Collection[str], most: int = MOST) -> Mapping[str, float | None]:
        """Seconds that a run takes (p95 of the last 50 that succeeded), by the schedule's id; None
        if none succeeded lately. What was learned within the hour is not asked for again. Of more
        than `most` that are new, the others are left out. Raises `Unavailable` or `Refused` if
        storage fails."""
        now = self._clock.now()
        with self._lock:
            fresh: dict[str, float | None] = {
                one: self._known[one][1]
                for one in schedule_ids
                if one in self._known and now - self._known[one][0] < _KEPT
            }
        new = [one for one in dict.fromkeys(schedule_ids) if one not in fresh][:most]
        if not new:
            return fresh
        with Pool(_AT_ONCE, "durations") as pool:
            found = dict(zip(new, pool.map(self._learn, new), strict=True))
        with self._lock:
            if len(self._known) > _MOST_KEPT:
                self._known.clear()
            self._known |= {one: (now, took) for one, took in found.items() if took is not None}
        return fresh | found

    def _learn(self, schedule_id: str) -> float | None:
        return learned.quantile(self._times.last(schedule_id, learned.RUNS), learned.LONG)
