"""When people are told of an alert: pure functions of (alert, what is said, now).

A problem:
1. Its beginning is told at once; so is its end, unless it began more than once (4).
2. While it lasts there is a reminder every `REMINDED` (Alertmanager's repeat_interval), unless a
   person acknowledged it.
3. If its level is higher than what was told, that is told, `SPACED` after the last telling.
4. If it begins again within `REOPENED` of its end, or of the telling of that, it is the same alert.
   People who were told that it is over are told otherwise, `REOPENED` after the last telling at the
   earliest, if it still lasts then. From then on its end is told when it has been over for
   `REOPENED`. So a problem that comes and goes costs four messages and reminders.

A group of events:
5. The first is told at once. What follows is told in one message, `SPACED` after that, with a count
   and names.
6. Then there is silence while more of the same comes. It is told after `SPREAD` if there are names
   that nobody was told, of at most `NAMES`; after `SPACED` if there are ten times as many; and with
   each reminder.
7. After `QUIET` without an event it is over. If more than one message was sent, or an event was not
   told, the end is told, with the count of all.

`advance` is what time does, and `begun`, `ended` and `happened` what callers say. Each telling that
is decided is `pending` until it is handed over; nothing else is decided before that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.alerts import words
from shared.alerts.model import MOST, NAMES, TEXT, Alert, AlertState, Happening, Named, Word
from shared.alerts.port import AlertKind
from shared.log import short

REMINDED = timedelta(hours=4)
REOPENED = timedelta(minutes=15)
SPACED = timedelta(minutes=5)
SPREAD = timedelta(minutes=30)
QUIET = timedelta(minutes=75)
"""Longer than an hour, so that what fails every hour is one group."""
_TENFOLD = 10
_AHEAD = timedelta(minutes=1)
"""The clocks of instances differ by far less."""

OPEN, RESOLVED = AlertState.OPEN, AlertState.RESOLVED


def begun(
    before: Alert | None, kind: AlertKind, about: str, text: str, level: int, now: datetime
) -> Alert:
    """The alert, now that its problem is said to last."""
    said = short(text, TEXT)
    if before is None or is_over(before, now):
        return Alert(
            kind=kind,
            about=about,
            opened_at=now,
            state=OPEN,
            since=now,
            text=said,
            level=level,
        )
    if before.state is OPEN:
        return replace(before, text=said, level=max(level, before.level))
    return replace(before, state=OPEN, since=now, text=said, level=level, count=before.count + 1)


def ended(before: Alert, text: str, now: datetime) -> Alert:
    """The alert, now that its problem is said to be over."""
    if before.state is RESOLVED:
        return before
    return replace(before, state=RESOLVED, since=now, text=short(text, TEXT))


def happened(
    before: Alert | None, kind: AlertKind, events: Sequence[Happening], now: datetime
) -> Alert:
    """The group, with these events, of which there is at least one."""
    if before is not None and is_over(before, now):
        before = None
    names = before.names if before is not None else ()
    known = {one.about for one in names}
    for one in events:
        if len(names) < NAMES and one.about not in known:
            known.add(one.about)
            names = (*names, Named(about=one.about, text=short(one.text, TEXT // 4)))
    count = sum(one.count for one in events) + (before.count if before is not None else 0)
    count = min(count, MOST)
    said = short(events[-1].text, TEXT)
    if before is None:
        return Alert(
            kind=kind,
            about="",
            opened_at=now,
            state=OPEN,
            since=now,
            text=said,
            count=count,
            names=names,
        )
    return replace(before, state=OPEN, since=now, text=said, count=count, names=names)


def advance(alert: Alert, now: datetime) -> Alert:
    """The alert at `now`, with what is to be told of it."""
    if alert.pending is not None:
        return alert
    alert = _believed(alert, now)
    if alert.is_group and alert.state is OPEN and now - alert.since >= QUIET:
        alert = replace(alert, state=RESOLVED)
    word = due(alert, now)
    return alert if word is None else _telling(alert, word, now)


def due(alert: Alert, now: datetime) -> Word | None:
    """What people are to be told of it at `now`."""
    if alert.told is None or alert.told_at is None:
        return Word.OPENED
    since = now - alert.told_at
    return _of_group(alert, since) if alert.is_group else _of_problem(alert, since, now)


def is_over(alert: Alert, now: datetime) -> bool:
    """Whether it is history: another begin would be another alert."""
    alert = _believed(alert, now)
    if alert.state is OPEN or alert.pending is not None or due(alert, now) is not None:
        return False
    if alert.is_group:
        return True
    last = max(alert.since, alert.told_at or alert.since)
    return alert.told is RESOLVED and now - last >= REOPENED


def acknowledged(alert: Alert, by: str, now: datetime) -> Alert:
    """The alert, without further reminders. The first who acknowledges it stays on record."""
    if alert.acknowledged_at is not None:
        return alert
    return replace(alert, acknowledged_at=now, acknowledged_by=by)


def _believed(alert: Alert, now: datetime) -> Alert:
    """The alert, with instants in the future moved to `now`. A clock that was ahead wrote them, and
    people would hear nothing until then."""
    latest = now + _AHEAD
    told_at = alert.told_at
    return replace(
        alert,
        since=now if alert.since > latest else alert.since,
        told_at=now if told_at is not None and told_at > latest else told_at,
    )


def _of_problem(alert: Alert, since: timedelta, now: datetime) -> Word | None:
    if alert.state is RESOLVED:
        if alert.told is RESOLVED:
            return None
        settled = alert.count == 1 or now - alert.since >= REOPENED
        return Word.CLOSED if settled else None
    if alert.told is RESOLVED:
        return Word.AGAIN if since >= REOPENED else None
    if alert.level > alert.told_level:
        return Word.WORSE if since >= SPACED else None
    return _reminder(alert, since)


def _of_group(alert: Alert, since: timedelta) -> Word | None:
    untold = alert.count > alert.told_count
    if alert.state is RESOLVED:
        settled = alert.told is RESOLVED or (alert.tellings == 1 and not untold)
        return None if settled else Word.CLOSED
    if not untold:
        return None
    many = alert.count >= _TENFOLD * alert.told_count
    if since >= SPACED and (alert.tellings == 1 or many):
        return Word.MORE
    if since >= SPREAD and len(alert.names) > alert.told_names:
        return Word.MORE
    return _reminder(alert, since)


def _reminder(alert: Alert, since: timedelta) -> Word | None:
    return Word.REMINDER if since >= REMINDED and alert.acknowledged_at is None else None


def _telling(alert: Alert, word: Word, now: datetime) -> Alert:
    return replace(
        alert,
        pending=words.telling(alert, word, now),
        tellings=alert.tellings + 1,
        told=alert.state,
        told_at=now,
        told_count=alert.count,
        told_names=len(alert.names),
        told_level=max(alert.level, alert.told_level),
    )
