"""Which clocks fell silent: a function of (when each should wake up, when each last ticked, now).

1. A clock is silent if it has not ticked since its last wake-up that is at least `GRACE` old.
   Wake-ups do not count if the clock was not known yet, or if nothing ran at all.
2. If no clock has ticked for `GRACE`, either nothing ran, or all clocks but a slow one are silent.
   If the clock that ticks now missed wake-ups of its own, nothing ran, and missed wake-ups are
   pardoned. If it missed none, both are possible. A host that was off makes up for timers that are
   past due when it starts. So clocks that missed a wake-up count as silent only if they do not tick
   within `QUIET`.
3. This doubt does not last. If a clock finds twice in a row that nothing else has ticked since its
   own last tick, the others are silent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.engine.dispatch.facts import Facts, Known, Pause
from shared.engine.dispatch.wakeups import last_wakeup, next_wakeup

HTTP = "http"
"""The clock outside the app (`POST /tick`). The app does not know how often it should tick."""
WORK = "work"
"""The name under which any invocation ticks if no clock does."""
GRACE = timedelta(minutes=2)
"""How late a clock may be. It allows for a cold start, a slow tick, and a queue that is seldom
polled."""
LATE = timedelta(seconds=15)
"""The most that a clock is usually late; until then it counts as alive."""
QUIET = timedelta(seconds=75)
"""After this long without a tick, any invocation ticks. In an app that was off, the clocks have
ticked again by then, too: those that tick every minute have had a wake-up."""
EARLY = timedelta(seconds=5)
"""How early a timer may fire."""
HTTP_PAUSE = timedelta(minutes=15)
_HTTP_GONE = timedelta(days=1)
"""A pinger that is silent for this long counts as turned off."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Silent:
    """A clock that ought to have ticked."""

    clock: str
    last: datetime | None
    """Its last tick, if there was one."""
    expected: datetime | None
    """The wake-up that it missed; None for `http`."""
    since: datetime
    """Its last tick, or when it became known."""

    @property
    def is_warning(self) -> bool:
        """Whether the silence may be intended, as with `http`."""
        return self.clock == HTTP


def judged(now: datetime, facts: Facts) -> list[Silent]:
    """The silent clocks, by name, without those that are in doubt."""
    found = silent(now, facts.known, facts.beats, facts.up)
    doubt = _doubt(now, facts)
    if doubt is None:
        return found
    returned = now - doubt >= QUIET
    return [one for one in found if returned and (one.last is None or one.last < doubt - EARLY)]


def silent(
    now: datetime, known: Mapping[str, Known], beats: Mapping[str, datetime], up: datetime | None
) -> list[Silent]:
    """The silent clocks, by name. `beats`: last ticks. `up`: wake-ups that were missed before this
    do not count."""
    found = [*_timed(now, known, beats, up), *_http(now, beats.get(HTTP), up)]
    return sorted(found, key=lambda one: one.clock)


def noticed(now: datetime, clock: str, facts: Facts) -> Facts:
    """The facts, with what a tick of `clock` shows about a pause. `facts`: from before the tick."""
    newest = max(facts.beats.values(), default=None)
    one, last, pause = facts.known.get(clock), facts.beats.get(clock), facts.pause
    away = one is not None and was_away(now, one, last)
    if newest is None or now - newest > GRACE:
        if away:
            return replace(facts, up=now, pause=Pause(now, settled=True))
        again = pause is not None and newest is not None and newest <= pause.at + EARLY
        witness = last is not None and (one is not None or now - last <= HTTP_PAUSE)
        return replace(facts, pause=Pause(now, settled=again and witness))
    if away and pause is not None and _doubt(now, facts) is not None:
        return replace(facts, up=pause.at, pause=replace(pause, settled=True))
    return facts


def was_away(now: datetime, clock: Known, last: datetime | None) -> bool:
    """Whether a clock that ticks now missed a wake-up since its last tick."""
    return last is None or last_wakeup(clock.wakes, last + EARLY, now - GRACE) is not None


def is_alive(now: datetime, clock: Known, last: datetime | None) -> bool:
    """Whether a clock ticked when it was last expected to."""
    return last is not None and last_wakeup(clock.wakes, last + EARLY, now - LATE) is None


def look_again(now: datetime, facts: Facts, coming: datetime | None) -> datetime | None:
    """When to check again, so that no silence is noticed late; None if a tick comes soon enough.

    `coming`: when the next tick is expected. There is no check earlier than `QUIET` after a tick.
    """
    if coming is not None and coming - now <= QUIET:
        return None
    instants = (
        _certain(now, facts, one, facts.beats.get(name)) for name, one in facts.known.items()
    )
    pending = [at for at in instants if at is not None and at > now]
    return max(now + QUIET, *pending) if pending else None


def _doubt(now: datetime, facts: Facts) -> datetime | None:
    """When the pause that is in doubt ended; None if there is no doubt."""
    pause = facts.pause
    if pause is None or pause.settled or not timedelta() <= now - pause.at <= GRACE:
        return None
    return pause.at


def _certain(now: datetime, facts: Facts, clock: Known, last: datetime | None) -> datetime | None:
    """When a clock that missed a wake-up is silent for certain; None if it missed none."""
    if is_alive(now, clock, last):
        return None
    since = max(at for at in (clock.since, facts.up, last and last + EARLY) if at is not None)
    missed = next_wakeup(clock.wakes, since, now)
    if missed is None:
        return None
    doubt = _doubt(now, facts)
    return missed + GRACE if doubt is None else max(missed + GRACE, doubt + QUIET)


def _timed(
    now: datetime, known: Mapping[str, Known], beats: Mapping[str, datetime], up: datetime | None
) -> Iterator[Silent]:
    for name, clock in known.items():
        since = clock.since if up is None else max(clock.since, up)
        expected = last_wakeup(clock.wakes, since, now - GRACE)
        last = beats.get(name)
        if expected is not None and (last is None or last < expected - EARLY):
            yield Silent(clock=name, last=last, expected=expected, since=last or clock.since)


def _http(now: datetime, last: datetime | None, up: datetime | None) -> Iterator[Silent]:
    if last is None or now - last > _HTTP_GONE:
        return
    if now - (last if up is None else max(last, up)) > HTTP_PAUSE:
        yield Silent(clock=HTTP, last=last, expected=None, since=last)
