"""Which schedules meet on a task or a resource, by how long their runs take (C16).

Two schedules meet where a run of one is at work while a run of the other is, and both have the same
task, or name the same resource in their parameters. A run is at work from its effective time on,
for as long as its schedule's runs take.

The work is bounded, whatever the schedules are: about `MOST_RUNS` runs are walked through, each
recurrence only once (and `_LEAST` of each in any case), and at most `MOST_STEPS` pairs of runs are
compared. What had to be left out is said.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from shared.recurrence import Recurrence, count_runs, observed, occurrences
from shared.schedules.job import job_id
from shared.schedules.model import Schedule
from shared.schedules.plan import jitter_of

MOST_RUNS = 40_000
MOST_STEPS = 200_000
MOST_MEETINGS = 500
"""The most pairs of schedules that are told."""
_EACH = 12_000
"""The most runs of one schedule that are compared: more than those of a week, each minute."""
_LEAST = 4
"""So many of each schedule are compared in any case."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What two schedules have in common: a task, or a resource that both name."""

    kind: str
    """`task`, or the parameter that names the resource, such as `source`."""
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Works:
    """A schedule, and for how long it works at what."""

    schedule: Schedule
    seconds: float
    """How long its runs take."""
    learned: bool
    """Whether that was learned from its runs; else it is the longest that they may take."""
    uses: frozenset[Shared]


@dataclass(frozen=True, kw_only=True, slots=True)
class Meeting:
    """Two schedules whose runs meet."""

    one: Works
    other: Works
    shares: tuple[Shared, ...]
    first_at: datetime
    """When they first are at work at the same time."""
    times: int
    """How many pairs of their runs do so, of those that were compared."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Met:
    """What was found."""

    meetings: tuple[Meeting, ...]
    """Those that meet most often first."""
    cut: frozenset[str]
    """The ids of schedules of whose runs only the first ones of the span were compared."""
    complete: bool
    """Whether every pair of the runs was compared, and every meeting is told."""


Runs = Mapping[Recurrence, tuple[Sequence[datetime], bool]]
"""The first runs of each recurrence in a span, and whether these are all."""


@dataclass(frozen=True, slots=True)
class _Run:
    begin: datetime
    end: datetime
    of: int
    """The number of its schedule."""


def walked(works: Sequence[Works], since: datetime, until: datetime) -> Runs:
    """The runs of these schedules that may be at work at `since` or later, and are due before
    `until`: the first ones of each recurrence, about `MOST_RUNS` of all. What one recurrence does
    not need of its part, those have that need more."""
    after = since - timedelta(seconds=max(map(_longest, works), default=0.0))
    distinct = list(dict.fromkeys(one.schedule.definition.recurrence for one in works))
    found: dict[Recurrence, tuple[Sequence[datetime], bool]] = {}
    room = MOST_RUNS
    for left, recurrence in zip(range(len(distinct), 0, -1), distinct, strict=True):
        most = min(_EACH, max(_LEAST, room // left))
        found[recurrence] = due, _ = _first(recurrence, after, until, most)
        room = max(0, room - len(due))
    cut = [one for one, (_, whole) in found.items() if not whole]
    for left, recurrence in zip(range(len(cut), 0, -1), cut, strict=True):
        due, _ = found[recurrence]
        most = min(_EACH - len(due), room // left)
        more, whole = _first(recurrence, due[-1] if due else after, until, most)
        found[recurrence] = (*due, *more), whole
        room -= len(more)
    return found


def _first(
    recurrence: Recurrence, after: datetime, until: datetime, most: int
) -> tuple[Sequence[datetime], bool]:
    """The first runs, at most `most`, and whether these are all. Where calendars move runs, one
    sees all runs of a span or none: of too many, none."""
    if recurrence.calendar is not None and not observed(recurrence).stays:
        plain = replace(recurrence, calendar=None, stored=True)
        if count_runs(plain, after, until) > most:
            return (), False
    due = list(islice(occurrences(recurrence, after, until), most + 1))
    return due[:most], len(due) <= most


def meetings(works: Sequence[Works], runs: Runs, since: datetime, until: datetime) -> Met:
    """Where they meet, at or after `since` and before `until`. `runs`: what `walked` found, for
    runs that take at least as long."""
    groups = _groups(works)
    ones = sorted({one for group in groups.values() for one in group})
    most = max(_LEAST, 4 * MOST_RUNS // max(1, len(ones)))
    busy = {one: _busy(one, works[one], runs, since, most) for one in ones}
    cut = frozenset(works[one].schedule.id for one in ones if not busy[one][1])
    pairs, complete = _compared(groups, {one: busy[one][0] for one in ones}, since, until)
    told = [_meeting(works, pair, shares) for pair, shares in pairs.items()]
    told.sort(
        key=lambda one: (-one.times, one.first_at, one.one.schedule.id, one.other.schedule.id)
    )
    complete = complete and len(told) <= MOST_MEETINGS
    return Met(meetings=tuple(told[:MOST_MEETINGS]), cut=cut, complete=complete and not cut)


def _longest(works: Works) -> float:
    """Seconds from when a run is due to when it has ended."""
    return works.seconds + works.schedule.policy.jitter_seconds


def _groups(works: Sequence[Works]) -> Mapping[Shared, Sequence[int]]:
    """The numbers of those that use the same, where there are several."""
    groups: dict[Shared, list[int]] = defaultdict(list)
    for number, one in enumerate(works):
        for shared in one.uses:
            groups[shared].append(number)
    several = {shared: group for shared, group in groups.items() if len(group) > 1}
    return dict(sorted(several.items(), key=lambda one: (len(one[1]), one[0].kind, one[0].value)))


def _busy(
    number: int, works: Works, runs: Runs, since: datetime, most: int
) -> tuple[Sequence[_Run], bool]:
    """(when its runs are at work, whether these are all)."""
    due, whole = runs[works.schedule.definition.recurrence]
    took, found = timedelta(seconds=works.seconds), []
    for at in due:
        begin = at + timedelta(seconds=jitter_of(works.schedule, job_id(works.schedule.id, at)))
        if begin + took > since:
            found.append(_Run(begin, begin + took, number))
        if len(found) > most:
            break
    found.sort(key=lambda run: run.begin)
    return found[:most], whole and len(found) <= most


_Pair = tuple[int, int]
_Shares = dict[Shared, tuple[datetime, int]]


def _compared(
    groups: Mapping[Shared, Sequence[int]],
    busy: Mapping[int, Sequence[_Run]],
    since: datetime,
    until: datetime,
) -> tuple[dict[_Pair, _Shares], bool]:
    """(what each pair shares, since when and how often; whether all was compared). Each group has
    its part of the steps, and leaves what it does not need to those after it, which are larger."""
    pairs: dict[_Pair, _Shares] = defaultdict(dict)
    room, complete = MOST_STEPS, True
    for left, (shared, group) in zip(range(len(groups), 0, -1), groups.items(), strict=True):
        counts: Counter[_Pair] = Counter()
        allowed = room // left
        for step, (pair, at) in enumerate(_overlaps(heapq.merge(*_ordered(group, busy)), until)):
            if step >= allowed:
                complete = False
                break
            room -= 1
            if pair[0] == pair[1]:
                continue
            counts[pair] += 1
            if counts[pair] == 1:
                pairs[pair][shared] = (max(at, since), 0)
        for pair, count in counts.items():
            pairs[pair][shared] = (pairs[pair][shared][0], count)
    return pairs, complete


def _ordered(
    group: Sequence[int], busy: Mapping[int, Sequence[_Run]]
) -> Iterator[Iterator[tuple[datetime, datetime, int]]]:
    for one in group:
        yield ((run.begin, run.end, run.of) for run in busy[one])


def _overlaps(
    runs: Iterable[tuple[datetime, datetime, int]], until: datetime
) -> Iterator[tuple[_Pair, datetime]]:
    """Each pair of runs that are at work together, and from when on; of one schedule as well."""
    working: list[tuple[datetime, int]] = []
    for begin, end, one in runs:
        if begin >= until:
            return
        while working and working[0][0] <= begin:
            heapq.heappop(working)
        for _, other in working:
            yield (min(one, other), max(one, other)), begin
        heapq.heappush(working, (end, one))


def _meeting(works: Sequence[Works], pair: _Pair, shares: _Shares) -> Meeting:
    return Meeting(
        one=works[pair[0]],
        other=works[pair[1]],
        shares=tuple(sorted(shares, key=lambda one: (one.kind, one.value))),
        first_at=min(at for at, _ in shares.values()),
        times=max(times for _, times in shares.values()),
    )
