"""The health summary, kept for a few seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.engine.dispatch import uptime
from shared.engine.dispatch.facts import believed
from shared.engine.dispatch.health import judged
from shared.engine.dispatch.uptime import Gap, Uptime
from shared.health_summary import rules
from shared.health_summary.code import version
from shared.health_summary.model import Health, Reading, Reason, Signs
from shared.health_summary.parts import Parts

KEPT = timedelta(seconds=5)
"""For so long an answer serves all who ask."""
SPANS = {
    "last_24_hours": timedelta(days=1),
    "last_7_days": timedelta(days=7),
    "last_30_days": timedelta(days=30),
}
GAPS = 10
"""How many gaps an answer names, the newest ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockSeen:
    """A clock."""

    clock: str
    last_seen: datetime | None
    silent_since: datetime | None
    """None: it ticks as it should."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lived:
    """Since when the service is up, and how much of the time it was."""

    up: Uptime
    observed_since: datetime
    shares: Mapping[str, float | None]
    """By the names of `SPANS`."""
    gaps: Sequence[Gap]
    """Newest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """How Belfry is at an instant."""

    at: datetime
    status: Health
    reasons: Sequence[Reason]
    lived: Lived | None
    """None if it is not known."""
    clocks: Sequence[ClockSeen]
    found: Reading
    version: str

    @property
    def uptime_seconds(self) -> int | None:
        """In whole seconds; None if it is not known."""
        return None if self.lived is None else int(self.lived.up.seconds)


class HealthSummary:
    """The summary. Several threads may ask at once: of those who ask at one time, one looks, and
    the others wait for what it finds."""

    def __init__(self, parts: Callable[[], Parts], clock: Clock) -> None:
        self._parts = parts
        self._clock = clock
        self._kept: Summary | None = None
        self._signs: Signs | None = None
        self._lock = threading.Lock()

    def kept(self) -> Summary | None:
        """The last summary, if it still serves. Waits for nothing."""
        found, now = self._kept, self._clock.now()
        return found if found is not None and timedelta() <= now - found.at < KEPT else None

    def summary(self) -> Summary:
        """The summary, after `parts.PATIENCE` at most. Raises nothing."""
        with self._lock:
            found = self.kept()
            if found is None:
                found = self._kept = self._made()
            return found

    def _made(self) -> Summary:
        seen = self._parts().look()
        found = Reading(**{part.value: one for part, one in seen.items()})
        now = self._clock.now()
        self._signs = found.storage.value or self._signs
        reasons = rules.reasons(found, now)
        return Summary(
            at=now,
            status=rules.status(reasons),
            reasons=reasons,
            lived=None if self._signs is None else lived(self._signs, now),
            clocks=() if found.storage.value is None else clocks(found.storage.value, now),
            found=found,
            version=version(),
        )


def lived(signs: Signs, now: datetime) -> Lived | None:
    """The life by the last signs that are known. While storage is away these get old, and after
    `uptime.LONGEST` the service counts as down."""
    life, beats = signs.life, list(believed(signs.facts, now).beats.values())
    if life is None:
        return None
    return Lived(
        up=uptime.uptime(life, beats, now),
        observed_since=min(life.observed, now),
        shares={name: uptime.availability(life, beats, now, one) for name, one in SPANS.items()},
        gaps=list(uptime.gaps(life, beats, now))[: -GAPS - 1 : -1],
    )


def clocks(signs: Signs, now: datetime) -> list[ClockSeen]:
    """Each clock that exists or ever ticked, by name."""
    facts = believed(signs.facts, now)
    silent = {one.clock: one.since for one in judged(now, facts)}
    return [
        ClockSeen(clock=name, last_seen=facts.beats.get(name), silent_since=silent.get(name))
        for name in sorted({*facts.known, *facts.beats})
    ]
