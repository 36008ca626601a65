"""Since when the service has been up, and when it was not, by its ticks: whichever process made
them. Pure.

A *sign of life* is a tick that storage has. Between two signs that are more than `LONGEST` apart
lies a *gap*: no process ran, or none could reach storage. A gap ends the period of being up.
Restarts and deployments that are shorter do not. The tick that ends a gap notes it, before it
leaves its own sign: so nothing is written as long as all is well, and a tick that is killed loses
no gap.

A time in the future was written by a wrong clock, and is not believed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.engine.dispatch.facts import FUTURE
from shared.storage.tables.facts import Fact

LONGEST = timedelta(minutes=5)
"""How far apart two signs of life may be. Clocks tick twice a minute."""
KEPT = timedelta(days=31)
"""Gaps that ended longer ago are forgotten, but for the last."""
MOST = 100
"""The most gaps that are kept. If there are more, what was before them is not known any more."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without a sign of life."""

    begin: datetime
    """The last sign before it."""
    end: datetime
    """The first after it."""

    @property
    def seconds(self) -> float:
        return (self.end - self.begin).total_seconds()


@dataclass(frozen=True, slots=True)
class Life:
    """What is known of the service's life."""

    observed: datetime
    """Since when the gaps are known."""
    gaps: tuple[Gap, ...] = ()
    """Oldest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Uptime:
    """How the service is at an instant."""

    seconds: float
    """Since the present period began; 0 while it is down."""
    since: datetime | None
    """When the present period began; None while it is down."""
    down_since: datetime | None
    """The last sign of life, if that is more than `LONGEST` ago."""


def begun(now: datetime) -> Life:
    """The life of a service that begins now."""
    return Life(_whole(now))


def noted(before: Life | None, beats: Iterable[datetime], now: datetime) -> Life:
    """What is known with a tick at `now`; equal to `before` if that tells nothing new. `beats`:
    when each clock last ticked, without this tick."""
    life = begun(now) if before is None else believed(before, now)
    last = _last(life, beats, now)
    if now - last > LONGEST:
        life = Life(life.observed, (*life.gaps, Gap(_whole(last), _whole(now))))
    return life if life == before else _bounded(life, now)


def uptime(life: Life, beats: Iterable[datetime], now: datetime) -> Uptime:
    """How the service is now."""
    life = believed(life, now)
    last = _last(life, beats, now)
    if now - last > LONGEST:
        return Uptime(seconds=0.0, since=None, down_since=last)
    since = min(now, life.gaps[-1].end if life.gaps else life.observed)
    return Uptime(seconds=(now - since).total_seconds(), since=since, down_since=None)


def availability(
    life: Life, beats: Iterable[datetime], now: datetime, span: timedelta
) -> float | None:
    """Which part of the last `span` it was up, from 0 to 1, as far as that was observed; None if
    nothing was."""
    life = believed(life, now)
    begin = max(now - span, life.observed)
    if begin >= now:
        return None
    down = sum(_overlap(gap, begin, now) for gap in gaps(life, beats, now))
    return max(0.0, 1 - down / (now - begin).total_seconds())


def gaps(life: Life, beats: Iterable[datetime], now: datetime) -> Iterator[Gap]:
    """The gaps that are known, and the one that lasts."""
    life = believed(life, now)
    yield from life.gaps
    last = _last(life, beats, now)
    if now - last > LONGEST:
        yield Gap(last, now)


def believed(life: Life, now: datetime) -> Life:
    """Without what lies in the future."""
    if life.observed - now <= FUTURE and all(gap.end - now <= FUTURE for gap in life.gaps):
        return Life(min(life.observed, now), life.gaps) if life.observed > now else life
    kept = tuple(gap for gap in life.gaps if gap.end - now <= FUTURE)
    return Life(min(life.observed, _whole(now)), kept)


def read(row: Fact | None) -> Life | None:
    """The life in a row; None if there is no row, or if it cannot be read."""
    try:
        said = json.loads("" if row is None else row.value)
        found = tuple(Gap(_instant(begin), _instant(end)) for begin, end in said["gaps"])
        life = Life(_instant(said["observed"]), found)
    except (ValueError, TypeError, KeyError, OverflowError, OSError):
        return None
    ends = [life.observed] if not found else [at for gap in found for at in (gap.begin, gap.end)]
    return life if ends == sorted(ends) else None


def written(life: Life) -> str:
    """The text of the row."""
    found = [(_epoch(gap.begin), _epoch(gap.end)) for gap in life.gaps]
    return json.dumps({"observed": _epoch(life.observed), "gaps": found}, separators=(",", ":"))


def _bounded(life: Life, now: datetime) -> Life:
    recent = tuple(gap for gap in life.gaps if now - gap.end <= KEPT) or life.gaps[-1:]
    left_out = recent[:-MOST]
    observed = max(life.observed, left_out[-1].end) if left_out else life.observed
    return Life(observed, recent[-MOST:])


def _last(life: Life, beats: Iterable[datetime], now: datetime) -> datetime:
    """The last sign of life. A tick that ended a gap is one, and so is the beginning."""
    ends = (gap.end for gap in life.gaps)
    signs = (at for at in (life.observed, *ends, *beats) if at - now <= FUTURE)
    return min(now, max(signs, default=now))


def _overlap(gap: Gap, begin: datetime, end: datetime) -> float:
    return max(0.0, (min(gap.end, end) - max(gap.begin, begin)).total_seconds())


def _whole(at: datetime) -> datetime:
    """Rows have whole seconds."""
    return at.replace(microsecond=0)


def _epoch(at: datetime) -> int:
    return int(at.timestamp())


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
