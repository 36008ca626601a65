"""The busiest minutes of a span: in which the most runs come due."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.recurrence import Recurrence
from shared.schedules.conflicts import Runs
from shared.schedules.model import Schedule

MOST = 10
"""How many minutes are told."""
NAMED = 5
"""How many schedules of each are named."""


@dataclass(frozen=True, slots=True)
class Minute:
    """A minute in which runs come due."""

    at: datetime
    runs: int
    schedules: tuple[Schedule, ...]
    """Some of those that come due then."""


@dataclass(frozen=True, slots=True)
class Busiest:
    """The busiest minutes."""

    minutes: tuple[Minute, ...]
    left_out: int
    """How many schedules come due too often to be counted whole; they are not counted."""


def busiest(schedules: Sequence[Schedule], walked: Runs, since: datetime) -> Busiest:
    """The minutes at `since` or later in which the most runs come due (without jitter); of equal
    ones the earliest. `walked`: the runs of these schedules."""
    alike: dict[Recurrence, list[Schedule]] = defaultdict(list)
    for one in schedules:
        alike[one.definition.recurrence].append(one)
    counts: Counter[datetime] = Counter()
    runs: dict[Recurrence, frozenset[datetime]] = {}
    left_out = 0
    for recurrence, several in alike.items():
        due, whole = walked[recurrence]
        if not whole:
            left_out += len(several)
            continue
        minutes = [at.replace(second=0) for at in due if at >= since]
        runs[recurrence] = frozenset(minutes)
        for minute in minutes:
            counts[minute] += len(several)
    found = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:MOST]
    return Busiest(
        tuple(Minute(at, count, _named(at, runs, alike)) for at, count in found), left_out
    )


def _named(
    at: datetime,
    runs: dict[Recurrence, frozenset[datetime]],
    alike: dict[Recurrence, list[Schedule]],
) -> tuple[Schedule, ...]:
    found = [one for recurrence, due in runs.items() if at in due for one in alike[recurrence]]
    return tuple(found[:NAMED])
