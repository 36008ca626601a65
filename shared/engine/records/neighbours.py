"""A schedule among the others of its project: which do the same, and which it meets (C16, N6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.engine.records.durations import MOST as LEARNED_OF_MANY
from shared.engine.records.durations import Durations
from shared.engine.records.lists import Lists
from shared.schedules import busy, conflicts, warnings
from shared.schedules.busy import Busiest
from shared.schedules.conflicts import Meeting, Met, Runs, Shared, Works
from shared.schedules.model import Schedule
from shared.schedules.warnings import Code, Warned
from shared.tasks import Registry

WEEK = timedelta(days=7)
MOST = 5_000
"""The most schedules of a project that are looked at: the newest."""
NEAR = 20
"""The most schedules that one is compared with when it is saved: the newest of its task."""
LEARNED = 5
"""Of how many of these it is learned how long they take: each costs a request, and who saves
waits."""
_NAMED = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Week:
    """A project's coming week."""

    since: datetime
    until: datetime
    schedules: int
    """How many there are that are on and not made for a single run."""
    looked_at: int
    """Of how many of them what follows tells."""
    met: Met
    busiest: Busiest


class Neighbours:
    """What is told of a project's schedules. Every method raises `Unavailable` or `Refused` if
    storage fails."""

    def __init__(
        self, lists: Lists, registry: Registry, durations: Durations, clock: Clock
    ) -> None:
        self._lists = lists
        self._registry = registry
        self._durations = durations
        self._clock = clock

    def week(self, project_id: int | None) -> Week:
        """Where the schedules of a project (None: those of none) meet in the coming week, and its
        busiest minutes."""
        now = self._clock.now()
        until = now + WEEK
        total, found = self._lists.of_project(project_id, MOST)
        on = [self._works(one) for one in found if one.is_on]
        runs = conflicts.walked(on, now, until)
        return Week(
            since=now,
            until=until,
            schedules=total,
            looked_at=len(found),
            met=self._met(on, runs, now, until, LEARNED_OF_MANY),
            busiest=busy.busiest([one.schedule for one in on], runs, now),
        )

    def warned(self, schedule: Schedule) -> list[Warned]:
        """Everything there is to warn of. The schedule may be one that was not made yet: then it
        has no id."""
        now = self._clock.now()
        names = self._names(schedule.definition.task_type)
        project_id = schedule.definition.project_id
        _, others = self._lists.of_project(project_id, NEAR, names, but=schedule.id)
        found = warnings.of_times(schedule, now)
        takes = self._takes([schedule], LEARNED).get(schedule.id)
        found += warnings.too_often(schedule.definition.recurrence, now, takes)
        found += warnings.nobody_told(schedule)
        found += warnings.same(schedule, others)
        return found + self._meets(schedule, others, now)

    def _meets(self, schedule: Schedule, others: Sequence[Schedule], now: datetime) -> list[Warned]:
        if not schedule.is_on:
            return []
        works = [self._works(one) for one in (schedule, *others) if one.is_on]
        until = now + WEEK
        met = self._met(works, conflicts.walked(works, now, until), now, until, LEARNED)
        mine = [
            one
            for one in met.meetings
            if schedule.id in (one.one.schedule.id, one.other.schedule.id)
        ]
        return [_warned(one, schedule.id) for one in mine[:_NAMED]]

    def _met(
        self, works: Sequence[Works], runs: Runs, since: datetime, until: datetime, learned: int
    ) -> Met:
        """Where they meet. No run lasts longer than its timeout: so first it is found which could
        meet, and only of these it is learned how long they really take, of `learned` at most."""
        could = conflicts.meetings(works, runs, since, until)
        some = [one.schedule for met in could.meetings for one in (met.one, met.other)]
        takes = self._takes(some, learned)
        known = [_learned(one, takes.get(one.schedule.id)) for one in works]
        return could if known == works else conflicts.meetings(known, runs, since, until)

    def _takes(self, schedules: Sequence[Schedule], most: int) -> Mapping[str, float | None]:
        """How long their runs take. Of those of which no run succeeded yet, nothing is asked."""
        ran = [one.id for one in schedules if one.progress.may_have_succeeded]
        return self._durations.of(ran, most)

    def _works(self, schedule: Schedule) -> Works:
        what = schedule.definition
        task = self._registry.find(what.task_type)
        uses = {Shared("task", what.task_type if task is None else task.name)}
        if task is not None:
            named = task.resources(what.task_parameters)
            uses |= {Shared(name, value) for name, value in named.items()}
        seconds = float(schedule.policy.timeout_seconds)
        return Works(schedule=schedule, seconds=seconds, learned=False, uses=frozenset(uses))

    def _names(self, task_type: str) -> frozenset[str]:
        """The names of the task, and of the tasks whose parameters may name the same resource."""
        task = self._registry.find(task_type)
        if task is None:
            return frozenset({task_type})
        mine = set(task.params.RESOURCES)
        some = [one for one in self._registry if one is task or mine & {*one.params.RESOURCES}]
        return frozenset(name for one in some for name in (one.name, *one.aliases))


def _learned(works: Works, takes: float | None) -> Works:
    return works if takes is None else replace(works, seconds=max(1.0, takes), learned=True)


def _warned(meeting: Meeting, schedule_id: str) -> Warned:
    mine, other = meeting.one, meeting.other
    if mine.schedule.id != schedule_id:
        mine, other = other, mine
    what = " and ".join(f"{one.kind} {one.value}" for one in meeting.shares)
    name = other.schedule.definition.name
    if name != other.schedule.id:
        name += f" ({other.schedule.id})"
    basis = "as its last ones did" if other.learned else "its timeout"
    whose = f"whose runs take up to {other.seconds:.0f} s ({basis})"
    first = f"{meeting.first_at:%Y-%m-%dT%H:%M:%SZ}"
    return Warned(Code.MEETS, f"it meets {name}, {whose}, on {what}, first at {first}")
