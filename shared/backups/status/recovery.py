"""How a source stands: to which point in time it can be restored, how long that takes, and whether
a backup is missing. The API, the metric and the alert all use this one answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from shared.backups.model import Report, Summary
from shared.recurrence import Recurrence, next_run
from shared.recurrence import zone as zones

SLACK = timedelta(hours=2)
"""How long after it is due a backup may still be running or retried before it counts as missing."""
_SKIPPED = timedelta(minutes=2)
"""R2: a backup due this soon after another's end is not taken, so it is not missing either."""
_UTC = "UTC"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How one database of a plan stands."""

    source: str
    database: str
    """Empty if no backup shows its name yet."""
    scope: str
    schedule_id: str
    name: str
    """The plan's."""
    last_good: Summary | None
    """The newest verified backup."""
    restore_seconds: float | None
    """How long a restore takes: reading the backup back, restoring it and counting its rows."""
    age_seconds: float | None
    """How much time's data is lost if the source is lost now."""
    expected_by: datetime | None
    """When a newer backup is, or was, due; None if none is: the plan is off or has ended, or the
    database is gone."""
    gone_at: datetime | None = None
    """When the plan's newest complete run did not find the database any more."""
    too_old: bool
    sentence: str
    """All of this in words, for a person."""


def standing(
    *,
    source: str,
    database: str,
    scope: str,
    schedule_id: str,
    name: str,
    last_good: Summary | None,
    report: Report | None,
    recurrence: Recurrence,
    on: bool,
    since: datetime,
    now: datetime,
    gone_at: datetime | None = None,
    suspicions: Sequence[str] = (),
    seconds: float | None = None,
) -> Standing:
    """How a source stands by its last good backup and that one's proof.

    `since`: when the plan was last changed; without a good backup, one is due from then on.
    `gone_at`: when the database was not found any more, so that none is due. `suspicions`: why a
    person must look at the last good backup. `seconds`: how long a restore takes
    (`rules.restore_time`). Times in the sentence are in the plan's zone, which it names unless it
    is UTC.
    """
    # The backup's time cannot be right, so it does not tell when the next one is due.
    ahead = last_good is not None and last_good.started_at - now > SLACK
    owed = on and not ahead and gone_at is None
    expected = next_run(recurrence, _from(last_good, since)) if owed else None
    missing = expected is not None and now - expected > SLACK
    if last_good is None:
        sentence = none_of(source, database, scope, " by this plan")
    else:
        sentence = back_to(last_good, report, now, recurrence.timezone, suspicions, seconds)
        if ahead:
            sentence += ", but a clock was wrong: it is not known how old that is"
        elif missing and expected is not None:
            wall = zones.wall_of(expected, zones.find(recurrence.timezone))
            due = f"{wall:%Y-%m-%d %H:%M} {recurrence.timezone}"
            sentence += f", and the backup that was due at {due} is missing"
    if gone_at is not None:
        when = _at(gone_at, now, recurrence.timezone)
        last = ", and this is its last backup" if last_good is not None else ""
        sentence += f"; {database} was not found in {source} any more ({when}){last}"
    return Standing(
        source=source,
        database=database,
        scope=scope,
        schedule_id=schedule_id,
        name=name,
        last_good=last_good,
        restore_seconds=seconds if last_good is not None else None,
        age_seconds=last_good.age_seconds(now) if last_good is not None else None,
        expected_by=expected,
        gone_at=gone_at,
        too_old=missing or (on and ahead),
        sentence=sentence,
    )


def named(source: str, database: str) -> str:
    """The name for a person: `postgres/shop`, or the source alone."""
    return "/".join(part for part in (source, database) if part)


def none_of(source: str, database: str, scope: str, whose: str = "") -> str:
    """The sentence if there is no good backup; `whose` is put after the name (` by this plan`)."""
    name = named(source, database) + (f" ({scope})" if scope else "")
    return f"There is no proved backup of {name}{whose}; do not rely on one"


def back_to(
    last_good: Summary,
    report: Report | None,
    now: datetime,
    timezone: str,
    suspicions: Sequence[str] = (),
    seconds: float | None = None,
) -> str:
    """The sentence if there is a good backup, with times in that zone."""
    said = f"You can be back to {_at(last_good.started_at, now, timezone)}"
    if seconds is not None:
        said += f" in {in_words(seconds)}"
    if report is not None:
        said += f", proved {ago(_seconds(report.at, now))}"
        said += f" without {', '.join(report.without)}" if report.without else ""
    return said + (f", but look at it first ({'; '.join(suspicions)})" if suspicions else "")


def in_words(seconds: float) -> str:
    """A duration, rounded up: `45 s`, `2 min 14 s`, `1 h 05 min`."""
    whole = max(math.ceil(seconds), 1)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    minutes = math.ceil(seconds / _MINUTE)
    return f"{minutes // 60} h {minutes % 60:02} min"


def ago(seconds: float) -> str:
    """How long ago, rounded down: `just now`, `6 min ago`, `6 h ago`, `3 days ago`."""
    if seconds < _MINUTE:
        return "just now"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min ago"
    if seconds < _DAY:
        return f"{int(seconds // _HOUR)} h ago"
    days = int(seconds // _DAY)
    return f"{days} {'day' if days == 1 else 'days'} ago"


def _from(last_good: Summary | None, since: datetime) -> datetime:
    """The instant after which the next backup is due."""
    if last_good is None:
        return since
    return max(last_good.started_at, last_good.finished_at + _SKIPPED)


def _at(at: datetime, now: datetime, timezone: str) -> str:
    """The time in that zone, followed by the zone's name unless that is UTC."""
    said = _when(at, now, zones.find(timezone))
    return said if timezone == _UTC else f"{said} {timezone}"


def _seconds(since: datetime, now: datetime) -> float:
    """Seconds since then; 0 if a clock has jumped back."""
    return max((now - since).total_seconds(), 0.0)


def _when(at: datetime, now: datetime, zone: tzinfo) -> str:
    """`03:00`, `yesterday 03:00`, `2026-11-18 03:00`, by the zone's clocks."""
    wall = zones.wall_of(at, zone)
    days = (zones.wall_of(now, zone).date() - wall.date()).days
    if days == 0:
        return f"{wall:%H:%M}"
    return f"yesterday {wall:%H:%M}" if days == 1 else f"{wall:%Y-%m-%d %H:%M}"
