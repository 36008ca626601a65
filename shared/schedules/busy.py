"""The busiest minutes of a span: in which the most runs come due."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.recurrence import Recurrence
from shared.schedules.conflicts import walked
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


def busiest(schedules: Sequence[Schedule], after: datetime, until: datetime) -> Busiest:
    """The minutes in which the most runs come due (without jitter), later than `after` and not
    later than `until`; of equal ones the earliest."""
    alike: dict[Recurrence, list[Schedule]] = defaultdict(list)
    for one in schedules:
        alike[one.definition.recurrence].append(one)
    counts: Counter[datetime] = Counter()
    runs, left_out = walked(alike, after, until), 0
    for recurrence, (due, whole) in runs.items():
        if not whole:
            left_out += len(alike[recurrence])
            continue
        for at in due:
            counts[at.replace(second=0)] += len(alike[recurrence])
    found = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:MOST]
    whole_ones = {one: frozenset(_minutes(due)) for one, (due, whole) in runs.items() if whole}
    return Busiest(
        tuple(Minute(at, count, _named(at, whole_ones, alike)) for at, count in found), left_out
    )


def _minutes(due: Sequence[datetime]) -> Sequence[datetime]:
    return [at.replace(second=0) for at in due]


def _named(
    at: datetime,
    runs: dict[Recurrence, frozenset[datetime]],
    alike: dict[Recurrence, list[Schedule]],
) -> tuple[Schedule, ...]:
    found = [one for recurrence, due in runs.items() if at in due for one in alike[recurrence]]
    return tuple(found[:NAMED])
