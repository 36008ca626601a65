"""A circuit breaker (P10): after some failures of a service in a row nothing is sent to it for a
while; then one attempt, the probe, says whether it is well again.

    closed ──failures──> open ──its time is up──> probed ──the probe worked──> closed
                          ↑                          │
                          └──────────failed──────────┘

Only failures of the service count. An answer that refuses one message, such as "this is no phone
number", shows that the service works. Pure: (circuit, what happened, now) -> circuit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

FAILURES = 3
"""How many failures in a row open it."""
PAUSES = (
    timedelta(minutes=1),
    timedelta(minutes=2),
    timedelta(minutes=5),
    timedelta(minutes=10),
)
"""How long it stays open: at first, and after each probe that failed."""
PROBE = timedelta(minutes=2)
"""How long others wait for the one who probes."""
LONGEST = timedelta(hours=1)
"""The longest that it stays open if the service asks for a pause itself."""
_SKEW = timedelta(minutes=1)
"""The clocks of instances differ by far less."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Circuit:
    """What all senders share about a service."""

    failures: int = 0
    """In a row."""
    opened_at: datetime | None = None
    """None: it is closed."""
    opened_until: datetime | None = None
    """When a probe may be made."""
    openings: int = 0
    """How often it was opened, or stayed open after a probe, since it was closed."""
    probe: str = ""
    """Who probes."""
    probe_until: datetime | None = None
    error: str = ""
    """The last failure."""

    @property
    def is_open(self) -> bool:
        return self.opened_at is not None


CLOSED = Circuit()


def waits_until(circuit: Circuit, now: datetime) -> datetime | None:
    """Until when nothing may be sent; None: something may, as a probe if it is open."""
    if not circuit.is_open:
        return None
    if circuit.probe and _lasts(circuit.probe_until, now, PROBE):
        return circuit.probe_until
    return circuit.opened_until if _lasts(circuit.opened_until, now, LONGEST) else None


def _lasts(until: datetime | None, now: datetime, longest: timedelta) -> bool:
    """Whether it is still to come. What is further ahead than it can be was written by a clock that
    was wrong."""
    return until is not None and now < until <= now + longest + _SKEW


def probed(circuit: Circuit, holder: str, now: datetime) -> Circuit | None:
    """Open, and `holder` makes the probe; None if it may not be made."""
    if not circuit.is_open or waits_until(circuit, now) is not None:
        return None
    return replace(circuit, probe=holder, probe_until=now + PROBE)


def given_up(circuit: Circuit, holder: str) -> Circuit | None:
    """The one who was to probe did not: another may. None: another probes already."""
    if not circuit.is_open or circuit.probe != holder:
        return None
    return replace(circuit, probe="", probe_until=None)


def failed(
    circuit: Circuit,
    holder: str,
    error: str,
    now: datetime,
    *,
    at_once: bool = False,
    pause: timedelta = timedelta(0),
) -> Circuit | None:
    """The service failed for `holder` (empty: who did not probe). `at_once`: one such failure is
    enough, since the next message would meet the same. `pause`: what the service asks for. None:
    nothing changes."""
    if circuit.is_open and (not holder or circuit.probe != holder):
        return None  # it had begun before the circuit was opened
    failures = circuit.failures + 1
    if not circuit.is_open and failures < FAILURES and not at_once:
        return replace(circuit, failures=failures, error=error)
    longest = max(PAUSES[min(circuit.openings, len(PAUSES) - 1)], min(pause, LONGEST))
    return Circuit(
        failures=failures,
        opened_at=circuit.opened_at or now,
        opened_until=now + longest,
        openings=circuit.openings + 1,
        error=error,
    )


def worked(circuit: Circuit, holder: str) -> Circuit | None:
    """The service answered `holder`. An open circuit is closed by its probe only. None: nothing
    changes."""
    if circuit == CLOSED:
        return None
    if circuit.is_open and (not holder or circuit.probe != holder):
        return None
    return CLOSED
