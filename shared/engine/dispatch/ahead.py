"""How far a tick looks ahead: a function of (which clocks there are, when each ticked, now).

As far as the next wake-up of the next clock that is alive, so that any one clock is enough: what
comes due before that is handed out now, with messages that wait for their time. Never less than
`tick.LOOK_AHEAD`, which is all there is to it while a clock of every minute is alive.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.engine.dispatch import tick
from shared.engine.dispatch.facts import Facts
from shared.engine.dispatch.health import EARLY, HTTP, HTTP_PAUSE, LATE, is_alive
from shared.engine.dispatch.wakeups import next_wakeup

_LONGEST = timedelta(days=366)
"""A clock that wakes more seldom is none to wait for."""
_HTTP_LONGEST = timedelta(hours=1)
_ALONE = timedelta(days=1)
"""Where nothing but work ticks: what runs today hands out what is due tomorrow."""


def coming(now: datetime, clock: str, facts: Facts) -> datetime | None:
    """When the next of the clocks that are alive wakes after a tick of `clock`; None if the app
    has none that is."""
    beats = {**facts.beats, clock: now}
    wakeups = (
        next_wakeup(one.wakes, now + EARLY, now + _LONGEST)
        for name, one in facts.known.items()
        if is_alive(now, one, beats.get(name))
    )
    return min((at for at in wakeups if at is not None), default=None)


def ahead(now: datetime, clock: str, facts: Facts) -> timedelta:
    """How far a tick of `clock` looks; `facts`: from before that tick."""
    until = coming(now, clock, facts)
    span = until - now if until is not None else _without_clocks(now, clock, facts)
    return max(tick.LOOK_AHEAD, span + LATE)


def _without_clocks(now: datetime, clock: str, facts: Facts) -> timedelta:
    """Where none of the app's own clocks is alive. A pinger is taken to keep its pace; two pings
    close together may be one that was repeated."""
    if clock != HTTP:
        return _ALONE
    last = facts.beats.get(HTTP)
    pace = _HTTP_LONGEST if last is None else now - last
    return min(max(pace, HTTP_PAUSE), _HTTP_LONGEST)
