"""Schedules that come due while no host runs, for longer than their grace: one for each way in
which policies can meet, and which of their occurrences may start when the hosts are back.

Most have their last occurrence within the outage, so that what must start does not depend on when
the first tick comes. What is due within `LOOK_AHEAD` of the last tick before was handed out by it,
and is decided by the workers; the rest by the first tick after.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.recurrence import Frequency, Recurrence, next_run
from shared.schedules.model import CatchUp, Definition, Overlap, Policy
from shared.schedules.plan import CAP
from tests.soak.pace import LOOK_AHEAD, ON_TIME, Pace

LONGEST = 18.0
"""Seconds that an outage lasts, longer than a tick looks ahead."""
_FIRST = 1.0
"""Seconds from the kill to the first that is due: should the kill be late by so much, it proves
nothing."""
_LAST = ON_TIME + 1.5
"""Seconds from the last that is due to the end: it is late, whoever takes it up."""
_EACH = 6
"""Intervals from the first to the last."""
_FAR = LOOK_AHEAD + 1
"""Seconds from the kill on that no tick before it looked ahead."""
_DENSE = timedelta(seconds=2)

_KINDS = {
    "late": Policy(catch_up=CatchUp.NONE, misfire_grace_seconds=60),
    "none": Policy(catch_up=CatchUp.NONE, misfire_grace_seconds=7200),
    "latest": Policy(catch_up=CatchUp.LATEST, misfire_grace_seconds=400),
    "two": Policy(catch_up=CatchUp.ALL, misfire_grace_seconds=400, catch_up_limit=2),
    "all": Policy(catch_up=CatchUp.ALL, misfire_grace_seconds=400),
}
"""A grace of 60 has passed when the hosts are back, one of 400 for some, one of 7200 for none,
also where a busy machine takes a minute to catch up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """A schedule, what it owes of the outage, and how many of that may start."""

    id: str
    definition: Definition
    policy: Policy
    due: tuple[datetime, ...]
    must: frozenset[datetime]
    may: frozenset[datetime]
    least: int
    most: int
    rows: int | None = None
    """Of those that do not start, if they are to be written as stretches."""


def cells(number: int, killed: datetime, back: datetime, pace: Pace) -> Iterator[Cell]:
    """The schedules of the outage of that number, from `killed` to `back`."""
    name = f"o{number}"
    first, last = _whole(killed + pace.fast(_FIRST)), _whole(back - pace.fast(_LAST))
    every = timedelta(seconds=(last - first).total_seconds() // _EACH)
    ends = _every(every, first, first + every * _EACH)
    goes_on = _every(every * 3, first)
    for (kind, policy), overlap in itertools.product(_KINDS.items(), Overlap):
        one = replace(policy, overlap=overlap)
        yield _cell(f"{name}_{kind}_{overlap}", ends, one, back)
        if kind in ("none", "latest"):
            yield _cell(f"{name}_on_{kind}_{overlap}", goes_on, one, back)
    for kind in ("none", "latest", "all"):
        jittered = replace(_KINDS[kind], jitter_seconds=60, overlap=Overlap.ALLOW_ALL)
        yield _cell(f"{name}_jitter_{kind}", ends, jittered, back)
    everything = replace(_KINDS["all"], overlap=Overlap.ALLOW_ALL)
    yield _cell(f"{name}_max_runs", ends, replace(everything, max_runs=3), back)
    yield _cell(f"{name}_pause", ends, replace(everything, pause_after_failures=1), back, "refused")
    far, end = _whole(killed + pace.fast(_FAR)), _whole(back - pace.fast(2))
    assert (end - far) // _DENSE > CAP, "so few are written one by one"
    for kind in ("late", "latest", "two"):
        yield _cell(f"{name}_dense_{kind}", _every(_DENSE, far, end), _KINDS[kind], back, rows=2)


def _cell(
    name: str,
    recurrence: Recurrence,
    policy: Policy,
    back: datetime,
    task: str = "sits",
    rows: int | None = None,
) -> Cell:
    due = _due(recurrence, back)[: policy.max_runs]
    must, may, least, most = _starts(policy, due, fails=task == "refused")
    if recurrence.end_time is None:  # a later one may start in its place, if the first tick is late
        must, least = frozenset(), 0
    parameters = {"seconds": 40} if task == "sits" else {}
    definition = Definition(
        name="outage", task_type=task, recurrence=recurrence, task_parameters=parameters
    )
    return Cell(
        id=name,
        definition=definition,
        policy=policy,
        due=due,
        must=must,
        may=may,
        least=least,
        most=most,
        rows=rows,
    )


def _starts(
    policy: Policy, due: tuple[datetime, ...], fails: bool
) -> tuple[frozenset[datetime], frozenset[datetime], int, int]:
    """(which must start, which may, how many at least, how many at most)."""
    latest = frozenset(due[-1:])
    if policy.catch_up is not CatchUp.ALL:
        some = latest if policy.misfire_grace_seconds > 60 else frozenset()
        return some, some, len(some), len(some)
    wanted = frozenset(due[-policy.catch_up_limit :])
    match policy.overlap:
        case _ if fails:  # the first that fails pauses it
            return frozenset(), wanted, 1, len(wanted)
        case Overlap.CANCEL_OTHER:
            return latest, wanted, 1, len(wanted)
        case _:
            return wanted, wanted, len(wanted), len(wanted)


def _due(recurrence: Recurrence, until: datetime) -> tuple[datetime, ...]:
    due: list[datetime] = []
    at = recurrence.start_time
    while at is not None and at <= until:
        due.append(at)
        at = next_run(recurrence, at)
    return tuple(due)


def _every(each: timedelta, first: datetime, last: datetime | None = None) -> Recurrence:
    return Recurrence(
        frequency=Frequency.INTERVAL,
        interval_seconds=int(each.total_seconds()),
        start_time=first,
        end_time=last,
    )


def _whole(at: datetime) -> datetime:
    return at.replace(microsecond=0)
