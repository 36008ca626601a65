"""How far a tick looks ahead: a function of (which clocks there are, when each ticked, now).

A tick looks ahead to the next wake-up of the next live clock, so that any one clock is enough. It
hands out what comes due before then, with messages that wait for their time. It always looks ahead
at least `tick.LOOK_AHEAD`, which is enough while a clock that ticks every minute is alive.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.engine.dispatch import tick
from shared.engine.dispatch.facts import Facts
from shared.engine.dispatch.health import EARLY, HTTP, HTTP_PAUSE, LATE, is_alive
from shared.engine.dispatch.wakeups import next_wakeup

_LONGEST = timedelta(days=366)
"""Ticks do not wait for a clock that wakes up less often than this."""
_HTTP_LONGEST = timedelta(hours=1)
_ALONE = timedelta(days=1)
"""If no clock ticks, only other invocations do: what runs today hands out what is due tomorrow."""


def coming(now: datetime, clock: str, facts: Facts) -> datetime | None:
    """When the app's next live clock wakes up after a tick of `clock`; None if none is alive."""
    beats = {**facts.beats, clock: now}
    wakeups = (
        next_wakeup(one.wakes, now + EARLY, now + _LONGEST)
        for name, one in facts.known.items()
        if is_alive(now, one, beats.get(name))
    )
    return min((at for at in wakeups if at is not None), default=None)


def ahead(now: datetime, clock: str, facts: Facts) -> timedelta:
    """How far a tick of `clock` looks ahead; `facts`: from before that tick."""
    until = coming(now, clock, facts)
    span = until - now if until is not None else _without_clocks(now, clock, facts)
    return max(tick.LOOK_AHEAD, span + LATE)


def _without_clocks(now: datetime, clock: str, facts: Facts) -> timedelta:
    """How far to look if none of the app's own clocks is alive. A pinger is assumed to keep its
    pace. Of two pings close together, the second may be a repetition."""
    if clock != HTTP:
        return _ALONE
    last = facts.beats.get(HTTP)
    pace = _HTTP_LONGEST if last is None else now - last
    return min(max(pace, HTTP_PAUSE), _HTTP_LONGEST)
