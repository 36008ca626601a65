"""The last occurrences of a span, and how many it has, without walking through it.

Whether an instant is an occurrence does not depend on where the search begins. So the last one is
found by bisection. They are counted by the month, between one change of clocks and the next
(`named.runs`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from shared.recurrence import zone as zones
from shared.recurrence.invalid import InvalidRecurrence
from shared.recurrence.named import runs
from shared.recurrence.next import in_utc, next_run, observed, occurrences
from shared.recurrence.rule import Frequency, Recurrence

_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
MOST_MOVED = 3_000
"""Runs in a year that calendars may move: some eight a day. If years are closed, to place them
takes seconds."""
_SOME_YEAR, _YEAR = datetime(2024, 1, 1, tzinfo=UTC), timedelta(days=366)
_FEW = 4
"""Up to this many occurrences, walking is as fast as any other way."""


def last_run(recurrence: Recurrence, after: datetime, until: datetime) -> datetime | None:
    """The last occurrence later than `after` and not later than `until`; None if there is none."""
    end = in_utc(until)
    few = list(islice(occurrences(recurrence, after, end), _FEW))
    if len(few) < _FEW:
        return few[-1] if few else None
    last = few[-1]
    while end - last >= _SECOND:  # none is later than `end`, up to `until`
        middle = last + (end - last) / 2
        later = next_run(recurrence, middle)
        if later is None or later > end:
            end = middle
        else:
            last = later
    return last


def last_runs(
    recurrence: Recurrence, after: datetime, until: datetime, most: int
) -> list[datetime]:
    """The last occurrences later than `after` and not later than `until`, at most `most`, in
    order."""
    found: list[datetime] = []
    end, step = in_utc(until), _MINUTE
    while len(found) < most and (last := last_run(recurrence, after, end)) is not None:
        end = max(in_utc(after), last - step)
        found[:0] = occurrences(recurrence, end, last)
        step *= 2
    return found[-most:]


def count_runs(recurrence: Recurrence, after: datetime, until: datetime) -> int:
    """How many occurrences are later than `after` and not later than `until`.

    The time grows with the number of months; for an interval it is constant.
    """
    after, until = in_utc(after), in_utc(until)
    if recurrence.calendar is not None:
        return _observed(recurrence, after, until)
    first, last = recurrence.first, recurrence.last
    if first is not None:
        after = max(after, first - datetime.resolution)
    if last is not None:
        until = min(until, last)
    if recurrence.frequency is Frequency.ONCE:
        once = next_run(recurrence, after)
        return int(once is not None and once <= until)
    if recurrence.interval_seconds is not None:
        return _of_interval(recurrence, recurrence.interval_seconds, after, until)
    named = recurrence.named
    if named is None:
        raise ValueError(f"nothing is named by {recurrence.frequency}")
    return runs(named, zones.find(recurrence.timezone), after, until)


def hold_moves(recurrence: Recurrence) -> None:
    """Raise `InvalidRecurrence` if calendars are to move runs of which there are too many.

    Each run of a closed year is looked at to find the next open one, except where a moved run meets
    another. Counted is the first year of its runs.
    """
    if recurrence.calendar is None or observed(recurrence).stays:
        return
    plain = replace(recurrence, calendar=None, stored=True)
    begin = recurrence.first or _SOME_YEAR
    found = count_runs(plain, begin - _SECOND, begin + _YEAR)
    if found > MOST_MOVED:
        said = f"{found:,} runs a year are too many to be moved, {MOST_MOVED:,} can be; use skip"
        raise InvalidRecurrence("calendar_rule", said)


def _of_interval(recurrence: Recurrence, seconds: int, after: datetime, until: datetime) -> int:
    first = next_run(recurrence, after)
    if first is None or first > until:
        return 0
    return (until - first) // timedelta(seconds=seconds) + 1


def _observed(recurrence: Recurrence, after: datetime, until: datetime) -> int:
    """Count each open span in one step; walk where runs are moved."""
    runs = observed(recurrence)
    if not runs.stays:
        return sum(1 for _ in runs.between(after, until))
    plain = replace(recurrence, calendar=None, stored=True)
    total = 0
    while (found := runs.next(after, until)) is not None:
        open_to = min(runs.open_until(found) - datetime.resolution, until)
        total += count_runs(plain, found - datetime.resolution, open_to)
        after = open_to
    return total
