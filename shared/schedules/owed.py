"""What a schedule owes: consecutive occurrences, described by the first, the last and their number.

After an outage there may be millions, so they are split and counted, but not listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from shared.recurrence import Recurrence, count_runs, last_run, last_runs, next_run, occurrences
from shared.schedules.model import Schedule


@dataclass(frozen=True, slots=True)
class Owed:
    """Consecutive occurrences of one recurrence. The first may not belong to the recurrence,
    because it is taken from the schedule's row."""

    first: datetime
    last: datetime
    count: int


def owed(schedule: Schedule, until: datetime) -> Owed | None:
    """What was due by `until` and was neither handed out nor recorded; None if nothing was."""
    first = schedule.progress.next_run_at
    if first is None or first > until:
        return None
    recurrence = schedule.definition.recurrence
    last = last_run(recurrence, first, until)
    if last is None:
        return Owed(first, first, 1)
    return Owed(first, last, 1 + count_runs(recurrence, first, last))


def each(recurrence: Recurrence, some: Owed) -> Iterator[datetime]:
    """Their due times, oldest first."""
    yield some.first
    yield from occurrences(recurrence, some.first, some.last)


def latest(recurrence: Recurrence, some: Owed, most: int) -> list[datetime]:
    """The due times of the latest of them, at most `most`, oldest first."""
    if some.count <= most:
        return list(each(recurrence, some))
    return last_runs(recurrence, some.first, some.last, most)


def parted(recurrence: Recurrence, some: Owed, at: datetime) -> tuple[Owed | None, Owed | None]:
    """(those due before `at`, those due then or later)."""
    if at <= some.first:
        return None, some
    last = last_run(recurrence, some.first, at - datetime.resolution) or some.first
    following = next_run(recurrence, last)
    if last >= some.last or following is None:
        return some, None
    if some.last - following < last - some.first:  # the shorter of the two is counted
        rest = 1 + count_runs(recurrence, following, some.last)
    else:
        rest = some.count - 1 - count_runs(recurrence, some.first, last)
    return Owed(some.first, last, some.count - rest), Owed(following, some.last, rest)
