"""What the measures mean, and what to set (O8). Pure.

| requests in the median minute | level |
|---|---|
| below 100 | down |
| 100 to 499 | keep |
| 500 to 1,000 | up |
| above 1,000 | emergency |

Slow answers and waiting messages raise the level to up; they lower none. A level rises at once. It
falls when the measures have been 10 % below its border for half an hour, at each look; so figures
that move around a border change it once. If nobody looked for a while, the half hour begins anew;
if nobody looked for half an hour, the level that held then is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.scaling.measures import Measures

QUIET, BUSY, TOO_MUCH = 100, 500, 1000
"""Requests a minute (O8)."""
SLOW_SECONDS = 2.0
"""A 95th percentile from which answers are slow."""
LATE_SECONDS = 120.0
"""A message that has been due for so long waits for workers."""
MARGIN = 0.9
"""A level is left below this share of its border."""
CALM = timedelta(minutes=30)
"""How long measures must be below a level before it falls."""
GAP = timedelta(minutes=15)
"""If nobody looked for so long, what was before says nothing of the time between."""
BETWEEN = timedelta(hours=1)
"""The shortest time between two changes of the app's settings, each of which may restart it."""
BETWEEN_URGENT = timedelta(minutes=15)
"""The same in an emergency."""
BETWEEN_DOWN = timedelta(hours=6)
"""The same before less is set. What answers fast only because more is set would be slow again."""


class Level(StrEnum):
    """What the load asks for, from the least to the most."""

    DOWN = "down"
    KEEP = "keep"
    UP = "up"
    EMERGENCY = "emergency"

    @property
    def rank(self) -> int:
        return list(Level).index(self)


class Cause(StrEnum):
    """What raises a level above keep."""

    REQUESTS = "requests"
    LATENCY = "latency"
    QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class Range:
    """What may be set: from the least to the most."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may be set at the app."""

    ready: Range
    instances: Range
    concurrency: Range


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """The app's scale settings, as far as the policy changes them."""

    ready: int
    """Instances that are always ready for HTTP requests."""
    instances: int
    """The most instances."""
    concurrency: int | None = None
    """Requests that an instance takes at once; None: as the platform has it (1, for Python)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """The level that holds, and what is needed to lower it."""

    level: Level
    since: datetime
    judged_at: datetime
    calm_since: datetime | None = None
    """Since when each look found less; None if the last one did not."""
    calm_level: Level | None = None
    """The most that was found since then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """A level, and why."""

    held: Held
    causes: frozenset[Cause]
    reasons: tuple[str, ...]
    """In words, at least one."""

    @property
    def level(self) -> Level:
        return self.held.level


def judge(measures: Measures, before: Held | None, now: datetime) -> Verdict:
    """The verdict on these measures. `before`: the level that held at the last look, if any."""
    held = _held(measures, before, now)
    causes = _causes(measures, MARGIN) if held.level.rank > Level.KEEP.rank else frozenset()
    return Verdict(held=held, causes=causes, reasons=_reasons(measures, held, causes))


def level_of(measures: Measures, share: float = 1.0) -> Level:
    """The level by these measures alone. `share`: of the borders."""
    rate = measures.requests_per_minute
    if rate > TOO_MUCH * share:
        return Level.EMERGENCY
    if _causes(measures, share):
        return Level.UP
    return Level.KEEP if rate >= QUIET * share else Level.DOWN


def _causes(measures: Measures, share: float) -> frozenset[Cause]:
    found = {
        Cause.REQUESTS: measures.requests_per_minute >= BUSY * share,
        Cause.LATENCY: (measures.p95_seconds or 0) >= SLOW_SECONDS * share,
        Cause.QUEUE: measures.queue_wait_seconds >= LATE_SECONDS * share,
    }
    return frozenset(cause for cause, holds in found.items() if holds)


def _held(measures: Measures, before: Held | None, now: datetime) -> Held:
    if before is None or not timedelta() <= now - before.judged_at <= CALM:
        # the first look, or the first for so long; or the clock was set back
        level = before.level if before is not None and before.judged_at > now else Level.KEEP
        before = Held(level=level, since=now, judged_at=now)
    reached, left = level_of(measures), level_of(measures, MARGIN)
    if reached.rank > before.level.rank:
        return Held(level=reached, since=now, judged_at=now)
    if left.rank >= before.level.rank:
        return Held(level=before.level, since=before.since, judged_at=now)
    return _calmer(before, left, now)


def _calmer(before: Held, left: Level, now: datetime) -> Held:
    """The measures are below the level: it holds on, or falls if they have been for long."""
    since, most = now, left
    if before.calm_since is not None and now - before.judged_at <= GAP:
        since, most = before.calm_since, max(left, before.calm_level or left, key=_rank)
    if now - since >= CALM:
        return Held(level=most, since=now, judged_at=now)
    return replace(before, judged_at=now, calm_since=since, calm_level=most)


def _rank(level: Level) -> int:
    return level.rank


def _reasons(measures: Measures, held: Held, causes: frozenset[Cause]) -> tuple[str, ...]:
    rate = measures.requests_per_minute
    said = [f"{rate} requests in the median minute: {_where(rate)}"]
    if Cause.LATENCY in causes:
        said.append(f"5 % of the requests take {measures.p95_seconds:g} s or more")
    if Cause.QUEUE in causes:
        said.append(f"a message has waited {measures.queue_wait_seconds:.0f} s for a worker")
    if held.calm_since is not None:
        until = held.calm_since + CALM
        said.append(f"{held.level} holds until {until:%H:%M} UTC, if it stays below till then")
    return tuple(said)


def _where(rate: int) -> str:
    if rate < QUIET:
        return f"below {QUIET}"
    if rate < BUSY:
        return f"from {QUIET} to {BUSY}"
    return f"from {BUSY} to {TOO_MUCH}" if rate <= TOO_MUCH else f"above {TOO_MUCH}"


def usual(bounds: Bounds) -> Scale:
    """What is set while there is little to do."""
    return Scale(
        ready=bounds.ready.least,
        instances=bounds.instances.least,
        concurrency=bounds.concurrency.most,
    )


def wanted(verdict: Verdict, now_set: Scale, bounds: Bounds) -> Scale:
    """What should be set. Up and emergency only raise what is set, up to the bounds; down only
    lowers it, to what is usual; keep changes nothing. What a person set beyond the bounds stays.

    Slow answers mean that an instance has too much to do at once, so it gets fewer requests, and
    the platform starts more instances.
    """
    if verdict.level is Level.KEEP:
        return now_set
    if verdict.level is Level.DOWN:
        least = usual(bounds)
        return Scale(
            ready=min(now_set.ready, least.ready),
            instances=min(now_set.instances, least.instances),
            concurrency=max(now_set.concurrency or 0, least.concurrency or 0),
        )
    urgent = verdict.level is Level.EMERGENCY
    ready = bounds.ready.most if urgent else _half(bounds.ready)
    many = urgent or Cause.QUEUE in verdict.causes
    instances = bounds.instances.most if many else bounds.instances.least
    concurrency = now_set.concurrency
    if concurrency is not None and Cause.LATENCY in verdict.causes:
        concurrency = min(concurrency, bounds.concurrency.least)
    return Scale(
        ready=max(now_set.ready, ready),
        instances=max(now_set.instances, instances),
        concurrency=concurrency,
    )


def _half(allowed: Range) -> int:
    return allowed.least + (allowed.most - allowed.least + 1) // 2


def next_change(level: Level, last: datetime | None, now: datetime) -> datetime | None:
    """When the settings may be changed next; None: now. `last`: when they were changed last."""
    if last is None or last > now:
        return None
    at = last + {Level.EMERGENCY: BETWEEN_URGENT, Level.DOWN: BETWEEN_DOWN}.get(level, BETWEEN)
    return at if at > now else None
