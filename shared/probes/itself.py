"""Belfry's own health, as a tenant may know it: a `health_check` without a target (C1).

It says whether a clock ticks and whether storage answers, and how fast; nothing of the names of
what does either.
"""

from __future__ import annotations

from shared.clock import Clock
from shared.engine.dispatch.liveness import Liveness, liveness
from shared.probes.expectations import down, passed
from shared.probes.model import Measured
from shared.probes.params import HealthCheck
from shared.storage.tables.facts import Meta


class Itself:
    """Looks at the app that it is in."""

    def __init__(self, meta: Meta, clock: Clock) -> None:
        self._meta = meta
        self._clock = clock

    def look(self, wanted: HealthCheck) -> Measured:
        """How it is. Raises `Unavailable` or `Refused` if storage fails: then nothing can be kept
        of it either, and the job is tried again."""
        began = self._clock.monotonic()
        clocks = self._meta.clocks()
        took = (self._clock.monotonic() - began) * 1000
        if liveness(clocks.values(), self._clock.now()) is Liveness.LATE:
            return down("no clock has ticked for over three minutes", took)
        return passed(wanted, took)
