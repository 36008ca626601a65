"""When the tasks run. Most hours of the hourly tasks are left out on purpose: runs that are missed
must cost nothing. Some days have every run, some have none."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from tests.soak.year import walls
from tests.soak.year.acts import Act, Prepared, Ran, Ticked
from tests.soak.year.cast import OPENS, Cast, Tenant

TASK_ZONE = "Europe/Berlin"
"""TASK_TIMEZONE: in which the pet-care tasks run."""
DAY_AHEAD, HOURS_AHEAD = "appointment_reminders_24h", "appointment_reminders_2h"
VACCINATIONS, NO_SHOWS = "vaccination_monitor", "no_show_detector"
REPUTATIONS, SENDER, UPKEEP = "reputation_updater", "notification_sender", "billing_upkeep"
TASKS = (DAY_AHEAD, HOURS_AHEAD, VACCINATIONS, NO_SHOWS, REPUTATIONS, SENDER, UPKEEP)
_DAILY = ((VACCINATIONS, time(6), 0.5), (NO_SHOWS, time(6, 30), 0.55), (REPUTATIONS, time(), 0.9))
"""When each is due, and on how many of these days it runs."""
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Occasion:
    """An appointment as it is planned at some time."""

    start: datetime
    tenant: Tenant
    owner: int


def _by_engine(act: Ran, day: date) -> bool:
    """Whether that run is the engine's."""
    return act.task not in (SENDER, UPKEEP) and walls.day_of(act.due_at, TASK_ZONE) == day


class Runs:
    """The runs of a span."""

    def __init__(
        self,
        rng: random.Random,
        first: date,
        days: int,
        occasions: list[Occasion],
        faulty: set[int],
    ) -> None:
        self._rng = rng
        self._first = first
        self._days = days
        self._begin = datetime.combine(first, time(), UTC)
        self._end = self._begin + days * _DAY
        self._occasions = occasions
        near = {n + more for n in faulty for more in (-1, 0, 1)}
        self._dark = self._without_runs(near)
        self._faulty = faulty

    def acts(self, cast: Cast) -> list[Act]:
        full = self._full(cast)
        due = {(DAY_AHEAD, at) for at in self._slots(full, 0)}
        due |= {(HOURS_AHEAD, at) for at in self._slots(full, 30)}
        due |= set(self._served())
        due |= {(SENDER, at + 10 * _MINUTE) for at in self._slots(full, 0) if at.hour % 3 == 0}
        due |= set(self._senders(cast))
        acts: list[Ran] = [self._run(task, at) for task, at in sorted(due) if self._has_runs(at)]
        acts += self._daily()
        inside = [one for one in acts if self._begin <= one.at < self._end]
        day = self._of_engine()
        others = [one for one in inside if not _by_engine(one, day)]
        return [*others, *self._ticks(day), *self._last()]

    def _of_engine(self) -> date:
        """The day on which the engine runs the tasks: a Sunday on which the clocks change."""
        changes = walls.changes(self._first, self._days, TASK_ZONE)
        return changes[0] if changes else self._first + _DAY

    def _ticks(self, day: date) -> Iterator[Act]:
        """Both hosts tick when something is due, a few seconds late."""
        at, end = walls.midnight(day, TASK_ZONE), walls.midnight(day + _DAY, TASK_ZONE)
        yield Prepared(at=at - timedelta(seconds=5))
        while at < end:
            late = timedelta(seconds=self._rng.randint(0, 5))
            shown = walls.wall(at, TASK_ZONE)
            due = [DAY_AHEAD if shown.minute == 0 else HOURS_AHEAD]
            for task, daily, _ in _DAILY:
                if shown.time() == daily and (task != REPUTATIONS or day.isoweekday() == 7):
                    due.append(task)
            yield Ticked(at=at + late, due_at=at, tasks=tuple(due))
            at += 30 * _MINUTE

    def _without_runs(self, near: set[int]) -> set[int]:
        """Days on which nothing runs: some, and once more than a week together."""
        most = max(1, self._days // 40)
        dark = {self._rng.randrange(self._days) for _ in range(most)} - near
        if self._days > 60:
            at = int(self._days * 0.52)
            dark |= set(range(at, at + 9))
        return dark

    def _has_runs(self, at: datetime) -> bool:
        return (at - self._begin) // _DAY not in self._dark

    def _full(self, cast: Cast) -> set[date]:
        """Days with every run: the first, those on which Twilio fails, and each on which clocks
        change somewhere in spring."""
        found = {self._first + n * _DAY for n in {0, *self._faulty}}
        for tenant in cast.tenants.values():
            found |= set(walls.changes(self._first, self._days, tenant.zone)[:1])
        return found

    def _slots(self, full: set[date], minute: int) -> Iterator[datetime]:
        """Every hour of the full days, and some of the others."""
        for n in range(self._days):
            day = self._first + n * _DAY
            hours = range(24) if day in full else self._rng.sample(range(24), n % 6 == 0)
            for hour in hours:
                yield datetime.combine(day, time(hour, minute), UTC)

    def _served(self) -> Iterator[tuple[str, datetime]]:
        """Runs that find an appointment; some of these are missed."""
        for one in self._occasions:
            day = walls.instant(walls.wall(one.start, one.tenant.zone) - _DAY, one.tenant.zone)
            for task, due, minute in (
                (DAY_AHEAD, day, 0),
                (HOURS_AHEAD, one.start - 2 * _HOUR, 30),
            ):
                at = due.replace(minute=minute, second=0)
                at += _HOUR if at < due else timedelta()
                if self._rng.random() < 0.2:
                    at += _HOUR * self._rng.choice((1, 1, 3, 8))
                yield task, at

    def _senders(self, cast: Cast) -> Iterator[tuple[str, datetime]]:
        """When the hours in which texts may go begin somewhere, and at other times."""
        zones = sorted({one.place for one in cast.owners.values()})
        for n in range(self._days):
            day = self._first + n * _DAY
            for zone in zones:
                if self._rng.random() < 0.15:
                    opens = walls.instant(datetime.combine(day, time(OPENS)), zone)
                    yield SENDER, opens + self._rng.choice((0, 5, 5, 90)) * _MINUTE
            if n % 3:
                yield SENDER, self._begin + n * _DAY + self._rng.randrange(0, 1440, 5) * _MINUTE

    def _daily(self) -> Iterator[Ran]:
        for n in range(self._days):
            day = self._first + n * _DAY
            for task, at, likely in _DAILY:
                due = walls.instant(datetime.combine(day, at), TASK_ZONE)
                wanted = task != REPUTATIONS or day.isoweekday() == 7
                if wanted and self._has_runs(due) and self._rng.random() < likely:
                    yield self._run(task, due)
            if n % 5 == 0:
                yield self._run(UPKEEP, self._begin + n * _DAY + 12 * _HOUR + 40 * _MINUTE)

    def _run(self, task: str, due: datetime) -> Ran:
        chance = self._rng.random()
        late = timedelta(seconds=self._rng.randint(0, 5))
        if chance < 0.06:
            late += self._rng.randint(1, 50) * _MINUTE
        elif chance < 0.09:
            late += self._rng.randint(1, 30) * _HOUR
        host = self._rng.randint(0, 1)
        doubled = self._rng.random() < 0.1
        hosts = (0, 1) if doubled else (host,)
        return Ran(at=due + late, task=task, due_at=due, hosts=hosts)

    def _last(self) -> Iterator[Ran]:
        """What brings everything to its end."""
        at = self._end
        for task in (NO_SHOWS, UPKEEP, VACCINATIONS):
            yield Ran(at=at, task=task, due_at=at, hosts=(0,))
            at += _MINUTE
        for _ in range(30):
            at += _HOUR
            yield Ran(at=at, task=SENDER, due_at=at, hosts=(0,))
