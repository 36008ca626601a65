"""How fast the soak is, and how what the engine counts in seconds is scaled to that.

The clock runs many times as fast as life, for schedules and their jobs. But storage and the
processor are as slow as ever. So the engine's seconds are of two kinds:

- *Waits*, which are meant: leases, ticks, how far a tick looks ahead, the pause between two sweeps.
  They are `SPEED` times as short as in service: a minute is ten seconds.
- *Allowances* for the network and the processor: how early a message is received, how late a job
  may start and still count as on time. They are as long as in service, in life.

So what is said of the service's time is `SPEED` times what was measured, and rather too much: what
the machine worked meanwhile counts as if it had waited.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from types import ModuleType
from typing import Any

from shared.engine.dispatch import backlog, health, sweep, tick
from shared.engine.dispatch import queue_clock as chain
from shared.engine.work import batch as gang
from shared.engine.work import pacer, worker
from shared.engine.work import pool as crew
from shared.engine.work.lease import Lease
from shared.keys import gate
from shared.listing import listing
from shared.schedules import claim, lost
from shared.storage.tables import handed
from shared.webhooks import deciding, endpoint

SPEED = 6
"""How many times as short as in service the engine's waits are."""
MINUTE = 60 / SPEED
"""Seconds of life in a minute of the service: how often each clock ticks."""
LOOK_AHEAD = tick.LOOK_AHEAD.total_seconds() / SPEED
ON_TIME = claim.ON_TIME.total_seconds()
"""Seconds of life by which a job may be late and count as on time."""

_WAITS: tuple[tuple[ModuleType, str], ...] = (
    (tick, "LOOK_AHEAD"),
    (sweep, "_PAUSE"),
    (sweep, "_LONGEST"),
    (sweep, "_FORGOTTEN"),
    (sweep, "_MINUTE"),
    (handed, "COMMITTED"),
    (lost, "_LEASE"),
    (worker, "_UNCOMMITTED"),
    (worker, "_FULL"),
    (claim, "_GLANCE"),
    (backlog, "_HOLD"),
    (health, "GRACE"),
    (chain, "_LOST"),
    (gate, "FRESH"),
    (deciding, "HELD"),
    (endpoint, "HELD"),
)
_ALLOWANCES: tuple[tuple[ModuleType, str], ...] = (
    (worker, "_SECOND"),
    (worker, "_SOON"),
    (worker, "_LANDING"),
    (gang, "_SECOND"),
    (gang, "_GATHERED"),
    (crew, "_GLANCE"),
    (tick, "AHEAD"),
    (claim, "ON_TIME"),
    (lost, "OVERDUE"),
    (sweep, "OVERDUE"),
    (sweep, "_IN_LINE"),
    (pacer, "_STARTING"),
)
_LATE = 10.0
"""Seconds of life by which a transaction is late at most. In service it may be a minute, and the
feed is read from so far back; its rows are kept for an hour of the clock, as in service, so that
they are removed while the soak lasts."""
_IN_SERVICE: dict[tuple[ModuleType, str], timedelta] = {
    (module, name): getattr(module, name) for module, name in (*_WAITS, *_ALLOWANCES)
}
_PATIENCE = crew.PATIENCE


@dataclass(frozen=True, slots=True)
class Pace:
    """A clock's. `factor`: seconds that pass on it in one of life."""

    factor: int

    def fast(self, seconds: float) -> timedelta:
        """Seconds of life, on the clock."""
        return timedelta(seconds=seconds * self.factor)

    def life(self, passed: timedelta) -> float:
        """What passed on the clock, in seconds of life."""
        return passed.total_seconds() / self.factor

    @property
    def lease(self) -> Lease:
        """A minute of the service's."""
        return Lease(length=self.fast(MINUTE), beat=self.fast(MINUTE / 12))

    def stretch(self) -> None:
        """Scale the engine of this process to the clock."""
        for (module, name), value in _IN_SERVICE.items():
            scaled = value * self.factor
            _set(module, name, scaled / SPEED if (module, name) in _WAITS else scaled)
        _set(listing, "_OVERLAP", self.fast(_LATE))
        for module in (crew, worker):
            _set(module, "PATIENCE", _PATIENCE / SPEED)


def _set(module: Any, name: str, value: object) -> None:
    setattr(module, name, value)
