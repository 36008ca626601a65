"""What the clocks know of each other: the rows `clock.*` and `clock:*`, read together.

A row that cannot be read is ignored, so that it does not stop the clocks. A time in the future was
written by a wrong clock, and is not believed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.engine.dispatch import wakeups
from shared.storage.tables.facts import Fact

BEAT = "clock:"
"""The prefix of each clock's row, before its name: when it last ticked."""
KNOWN = "clock.known"
UP = "clock.up"
PAUSE = "clock.resumed"
TOLD = "clock.told"
SWEPT = "clock.swept"
CHAIN = "clock.chain"
LIFE = "clock.life"
"""Since when the service has been up, and when it was not (`uptime`)."""
FUTURE = timedelta(minutes=1)
"""A time counts as in the future if it is later than now by more than this. The clocks of instances
differ by far less."""
NEXT_LINK = timedelta(minutes=2)
"""How much further ahead than that the queue clock's next message may lie."""


@dataclass(frozen=True, slots=True)
class Known:
    """A clock that exists."""

    wakes: str
    """Its NCRONTAB expression, in UTC."""
    since: datetime
    """Since when it has had that expression."""


@dataclass(frozen=True, slots=True)
class Pause:
    """The end of the last period in which no clock ticked: either the app was off, or all clocks
    but a slow one are silent."""

    at: datetime
    """When a clock ticked again."""
    settled: bool = False
    """Whether it is known which of the two it was."""

    def text(self) -> str:
        return f"{self.at.isoformat()} settled" if self.settled else self.at.isoformat()


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What the rows say."""

    known: Mapping[str, Known]
    beats: Mapping[str, datetime]
    """When each clock last ticked."""
    up: datetime | None = None
    """Wake-ups that were missed before this do not count, because nothing ran then."""
    pause: Pause | None = None
    swept: Fact | None = None
    told: Fact | None = None
    chain: Fact | None = None
    life: Fact | None = None


def read(rows: Mapping[str, Fact]) -> Facts:
    """The facts of the rows, by their keys."""
    ticked = {name: instant(row) for name, row in rows.items() if name.startswith(BEAT)}
    return Facts(
        known=known(rows.get(KNOWN)),
        beats={name.removeprefix(BEAT): at for name, at in ticked.items() if at is not None},
        up=instant(rows.get(UP)),
        pause=_pause(rows.get(PAUSE)),
        swept=rows.get(SWEPT),
        told=rows.get(TOLD),
        chain=rows.get(CHAIN),
        life=rows.get(LIFE),
    )


def future(found: Facts, now: datetime) -> dict[str, datetime]:
    """The facts whose times are in the future, by their rows' keys."""
    link = chain_at(found.chain)
    said: dict[str, datetime | None] = {
        KNOWN: max((one.since for one in found.known.values()), default=None),
        UP: found.up,
        PAUSE: None if found.pause is None else found.pause.at,
        SWEPT: instant(found.swept),
        CHAIN: link and link - NEXT_LINK,
        **{f"{BEAT}{name}": at for name, at in found.beats.items()},
    }
    return {key: at for key, at in said.items() if at is not None and at - now > FUTURE}


def believed(found: Facts, now: datetime) -> Facts:
    """The facts, with what lies in the future moved to `now`, which it was by the wrong clock."""
    if not future(found, now):
        return found
    pause = found.pause
    return replace(
        found,
        known={name: replace(one, since=min(one.since, now)) for name, one in found.known.items()},
        beats={name: min(at, now) for name, at in found.beats.items()},
        up=found.up and min(found.up, now),
        pause=Pause(now, settled=True) if pause is not None and pause.at > now else pause,
    )


def chain_at(row: Fact | None) -> datetime | None:
    """When the queue clock's current message becomes visible; None if the row does not say."""
    return None if row is None else _instant(row.value.partition(" ")[0])


def instant(row: Fact | None) -> datetime | None:
    """The instant that a row says."""
    return None if row is None else _instant(row.value)


def known(row: Fact | None) -> dict[str, Known]:
    """The clocks that exist; none if another version of the app wrote the row in another form."""
    try:
        stored = json.loads(row.value) if row is not None else {}
        return {name: _known(wakes, since) for name, (wakes, since) in stored.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def written(known: Mapping[str, Known]) -> str:
    """The text of the row that lists the clocks."""
    return json.dumps({name: (one.wakes, one.since.isoformat()) for name, one in known.items()})


def _known(wakes: str, since: str) -> Known:
    """Raises `ValueError` for an expression or an instant that cannot be used."""
    at = _instant(since)
    if at is None:
        raise ValueError(f"{since!r} is no instant")
    wakeups.last_wakeup(wakes, at, at)
    return Known(wakes, at)


def _pause(row: Fact | None) -> Pause | None:
    said, _, word = ("" if row is None else row.value).partition(" ")
    at = _instant(said)
    return None if at is None else Pause(at, settled=bool(word))


def _instant(text: str) -> datetime | None:
    """None also for an instant without an offset, which cannot be compared."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if at.utcoffset() is None else at
