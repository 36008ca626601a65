"""What weeks do to an owner's score (P6).

A week that ends on a Sunday takes points for each no-show. A week without one, at the end of which
the owner has behaved well for `recovery_days` or more, gives points back. The score stays between
0 and the top.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from shared.recurrence import zone as zones
from shared.settings import CareSettings

TOP = 100
WEEK = timedelta(days=7)
MOST_WEEKS = 53
"""The most missed weeks that are made up for."""
_SETTLED = timedelta(minutes=10)
"""A no-show is counted by the time at which it was marked. So long after, its transaction has been
committed for certain: a database takes none that lasts a minute."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An owner's score, and since when they have behaved well."""

    score: int
    good_since: date


@dataclass(frozen=True, slots=True)
class Change:
    """What a week changed."""

    week_on: date
    before: int
    after: int
    no_shows: int
    recovered: int


def last_week(at: datetime, zone: tzinfo) -> date:
    """The Sunday that ended the last week: that day, or the last one before."""
    day = zones.wall_of(at, zone).date()
    return day - timedelta(days=day.isoweekday() % 7)


def weeks(settled_on: date | None, last: date) -> list[date]:
    """The weeks to settle, in order; of a tenant of whom none was, the last alone."""
    if settled_on is None:
        return [last]
    missed = min((last - settled_on) // WEEK, MOST_WEEKS)
    return [last - n * WEEK for n in range(missed - 1, -1, -1)]


def end_of(week_on: date, zone: tzinfo) -> datetime:
    """No-shows that were marked before then belong to that week or an earlier one."""
    return zones.first_instant(datetime.combine(week_on, time()), zone) - _SETTLED


def week_of(marked_at: datetime, ends: Sequence[tuple[date, datetime]]) -> date:
    """The week to which a no-show belongs; `ends` are the weeks in order, with their ends."""
    return next(week for week, end in ends if marked_at < end)


def settle(
    standing: Standing | None,
    weeks: Sequence[date],
    no_shows: Mapping[date, int],
    done: Collection[date],
    rules: CareSettings,
) -> tuple[Standing | None, list[Change]]:
    """(the owner's standing after these weeks, what each changed). `standing` None: at the top,
    and no no-show ever; `done`: the weeks that are in it already."""
    changes = []
    for week in weeks:
        if week in done:
            continue
        change = _change(standing, week, no_shows.get(week, 0), rules)
        if change is not None:
            changes.append(change)
            standing = _after(standing, change)
    return standing, changes


def _after(standing: Standing | None, change: Change) -> Standing:
    since = [] if standing is None else [standing.good_since]
    if change.no_shows:
        since.append(change.week_on)
    return Standing(change.after, max(since))


def _change(
    standing: Standing | None, week: date, no_shows: int, rules: CareSettings
) -> Change | None:
    """What the week changes; None: nothing, and there was no no-show."""
    score = TOP if standing is None else standing.score
    if no_shows:
        after = max(0, score - no_shows * rules.no_show_points)
        return Change(week, score, after, no_shows, 0)
    if standing is None or (week - standing.good_since).days < rules.recovery_days:
        return None
    after = min(TOP, score + rules.recovery_points)
    return Change(week, score, after, 0, after - score) if after != score else None


def may_recover(rules: CareSettings, last: date) -> date:
    """Owners who have behaved well since that day or longer may get points back."""
    return last - timedelta(days=rules.recovery_days)
