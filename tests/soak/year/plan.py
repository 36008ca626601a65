"""What happens in a simulated year, from a seed: what people do, which vendors fail."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from tests.soak.year import walls
from tests.soak.year.acts import (
    Act,
    Agreed,
    Arrived,
    Away,
    Back,
    Booked,
    Broke,
    Cancelled,
    Capped,
    Corrected,
    Fresh,
    Given,
    Lost,
    Mended,
    Moved,
    Restarted,
    Stopped,
    Vaccinated,
)
from tests.soak.year.cast import BROKEN, THRESHOLDS, Cast, Pet, Tenant, cast
from tests.soak.year.runs import TASK_ZONE, Occasion, Runs

FIRST = date(2027, 2, 1)
_HOURS = (8, 9, 9, 10, 10, 11, 13, 14, 15, 15, 16, 17, 18)
_ODD = (time(23, 50), time(0, 10), time(2, 30), time(1, 30), time(7, 15), time(21, 0))
"""Before midnight and after it, and hours that clocks skip or repeat."""
_LEADS = (40.0, 26.0, 20.0, 5.0, 1.75, 0.2)
"""Hours before the start at which somebody books; else it is days."""
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What happens, in order."""

    seed: int
    begin: datetime
    end: datetime
    cast: Cast
    acts: list[Act]


def plan(seed: int, days: int) -> Plan:
    return _Planner(seed, days).plan()


class _Planner:
    def __init__(self, seed: int, days: int) -> None:
        self._seed = seed
        self._days = days
        self._rng = random.Random(seed)
        self._begin = datetime.combine(FIRST, time(), UTC)
        self._end = self._begin + days * _DAY
        self._cast = cast(self._rng)
        self._acts: list[Act] = []
        self._occasions: list[Occasion] = []
        self._expiring: list[tuple[int, date]] = []
        """The vaccinations that expire in the span: their owners, and when."""
        self._appointments = 0
        self._vaccinations = 0
        self._faulty = {self._part(0.3): "twilio", self._part(0.45): "throttled"}
        """On which day of the span which fault of Twilio begins."""
        self._stripe = self._part(0.6)

    def plan(self) -> Plan:
        for n in range(self._days + 2):
            for tenant in self._cast.tenants.values():
                self._day(n, tenant)
        for pet in self._cast.pets.values():
            self._vaccinate(pet)
        self._opt()
        self._give()
        self._break()
        runs = Runs(self._rng, FIRST, self._days, self._occasions, set(self._faulty))
        acts = [one for one in self._acts if self._begin <= one.at < self._end]
        acts += runs.acts(self._cast)
        acts.sort(key=lambda one: one.at)
        apart = list(_apart(acts))
        return Plan(seed=self._seed, begin=self._begin, end=self._end, cast=self._cast, acts=apart)

    # Appointments

    def _day(self, n: int, tenant: Tenant) -> None:
        day = FIRST + n * _DAY
        changes = walls.changes(day - _DAY, 2, tenant.zone)
        likely = 0.7 if changes or {n, n - 1} & {*self._faulty, self._stripe} else 0.2
        while self._rng.random() < likely:
            self._book(day, tenant)
            likely *= 0.7

    def _book(self, day: date, tenant: Tenant) -> None:
        rng = self._rng
        pet = rng.choice([one for one in self._cast.pets.values() if one.tenant is tenant])
        start = self._time(day, tenant)
        lead = _HOUR * rng.choice(_LEADS) if rng.random() < 0.4 else _DAY * rng.uniform(2, 30)
        known = start - lead
        if start <= self._begin + _HOUR:
            return
        self._appointments += 1
        id = self._appointments
        at = self._off(max(known, self._begin))
        booked = None if known < self._begin and rng.random() < 0.5 else min(known, at)
        self._add(Booked(at=at, appointment=id, pet=pet.id, start=start, booked_at=booked))
        self._occasions.append(Occasion(start, tenant, pet.owner))
        self._fate(id, pet, start, at)

    def _time(self, day: date, tenant: Tenant) -> datetime:
        odd = self._rng.random() < 0.15
        usual = time(self._rng.choice(_HOURS), self._rng.choice((0, 0, 15, 30, 45)))
        shown = self._rng.choice(_ODD) if odd else usual
        return walls.instant(datetime.combine(day, shown), tenant.zone)

    def _fate(self, id: int, pet: Pet, start: datetime, known: datetime) -> None:
        """What becomes of an appointment."""
        rng, tenant = self._rng, pet.tenant
        chance = rng.random()
        left = start - known - 3 * _MINUTE
        if left > timedelta() and chance < 0.18:
            at = self._off(self._sometime(known, start, left))
            other = self._time(walls.day_of(start, tenant.zone) + rng.randint(0, 5) * _DAY, tenant)
            if at < start and other > at + 5 * _MINUTE:
                self._add(Moved(at=at, appointment=id, start=other))
                self._occasions.append(Occasion(other, tenant, pet.owner))
                self._fate(id, pet, other, at)
            return
        if left > timedelta() and chance < 0.28:
            at = self._sometime(known, start, left)
            self._add(Cancelled(at=self._off(at), appointment=id))
            return
        unreliable = self._cast.owners[pet.owner].unreliable
        if rng.random() >= (0.5 if unreliable else 0.06):
            at = max(start - 5 * _MINUTE + rng.random() * 15 * _MINUTE, known + _MINUTE / 2)
            self._add(Arrived(at=self._off(min(at, start + 13 * _MINUTE)), appointment=id))

    def _sometime(self, known: datetime, start: datetime, left: timedelta) -> datetime:
        """Some time after it is known; often when a reminder may wait for quiet hours to end."""
        waits = start - _DAY + self._rng.uniform(0, 8) * _HOUR
        if waits > known and self._rng.random() < 0.5:
            return waits
        return known + left * self._rng.random()

    # Vaccinations

    def _vaccinate(self, pet: Pet) -> None:
        rng = self._rng
        for kind in rng.sample(("Rabies", "Parvo"), rng.choice((1, 1, 2))):
            expires = FIRST + rng.randint(3, max(40, self._days)) * _DAY
            at = self._off(self._begin)
            while at < self._end:
                id = self._given(pet, kind, expires, at)
                if rng.random() < 0.1:
                    self._correct(id, expires, at)
                near = datetime.combine(expires, time(rng.randint(0, 23)), UTC)
                at = self._off(max(near + rng.randint(-45, 20) * _DAY, at + _DAY))
                if rng.random() < 0.3:
                    break  # not renewed
                expires += rng.choice((180, 365)) * _DAY

    def _given(self, pet: Pet, kind: str, expires: date, at: datetime) -> int:
        self._vaccinations += 1
        id = self._vaccinations
        self._add(Vaccinated(at=at, vaccination=id, pet=pet.id, kind=kind, expires_on=expires))
        if expires < FIRST + self._days * _DAY:
            self._expiring.append((pet.owner, expires))
        return id

    def _correct(self, id: int, expires: date, known: datetime) -> None:
        """Within the days in which its owner is told."""
        near = datetime.combine(expires - self._rng.randint(5, 30) * _DAY, time(13), UTC)
        other = expires + self._rng.choice((-2, 3, 12)) * _DAY
        at = self._off(max(near, known + _HOUR))
        self._add(Corrected(at=at, vaccination=id, expires_on=other))

    # Agreeing, and faults

    def _opt(self) -> None:
        rng = self._rng
        for n in range(max(4, self._days // 4)):
            if n % 2:
                about = rng.choice(self._occasions)
                owner, at = about.owner, about.start - rng.uniform(0.5, 40) * _HOUR
            else:  # when the message about a vaccination waits for the end of quiet hours
                owner, expires = rng.choice(self._expiring)
                day = expires - rng.choice(THRESHOLDS) * _DAY
                at = walls.instant(datetime.combine(day, time(6)), TASK_ZONE)
                at += rng.uniform(0.2, 2.7) * _HOUR
            one, at = self._cast.owners[owner], self._off(at)
            if one.number is None:
                continue
            self._add(Stopped(at=at, number=one.number, heard=rng.random() < 0.6))
            later = self._off(at + rng.uniform(0.1, 8) * _DAY)
            if rng.random() < 0.7:
                self._add(Restarted(at=later, number=one.number))
            elif rng.random() < 0.7:
                self._add(Agreed(at=later, owner=one.id))

    def _give(self) -> None:
        for _ in range(self._days // 45):
            pet = self._rng.choice(list(self._cast.pets.values()))
            same = [
                one.id
                for one in self._cast.owners.values()
                if one.tenant is pet.tenant and one.customer
            ]
            at = self._off(self._begin + self._rng.random() * self._days * _DAY)
            self._add(Given(at=at, pet=pet.id, owner=self._rng.choice(same)))

    def _break(self) -> None:
        for n, what in self._faulty.items():
            self._between(n, n + 1, Away, Back, what=what)
        self._between(self._stripe, self._stripe + 6, Away, Back, what="stripe")
        tenth = self._days / 10
        self._between(1.5 * tenth, 2.5 * tenth, Broke, Mended, tenant=BROKEN)
        for day, most in ((7.5 * tenth, 2), (8.5 * tenth, 0)):
            self._add(Capped(at=self._off(self._at(day)), messages=most))
        bad = {day for n in self._faulty for day in (n - 1, n, n + 1)}
        for n in range(1, self._days, 6):
            if n not in bad:
                self._add(Lost(at=self._off(self._at(n) + self._rng.random() * _DAY)))
        for n in range(0, self._days, 4):
            at = self._off(self._at(n) + self._rng.random() * _DAY)
            self._add(Fresh(at=at, host=self._rng.randint(0, 1)))

    def _between(
        self, first: float, last: float, begins: type[Act], ends: type[Act], **what: object
    ) -> None:
        self._add(begins(at=self._off(self._at(first)), **what))
        self._add(ends(at=self._off(self._at(last)), **what))

    def _part(self, part: float) -> int:
        """A day of the span."""
        return int(self._days * part)

    def _at(self, day: float) -> datetime:
        return self._begin + day * _DAY

    def _off(self, at: datetime) -> datetime:
        """About then, but never at the instant of a run."""
        return at.replace(second=self._rng.randint(10, 50), microsecond=0)

    def _add(self, act: Act) -> None:
        self._acts.append(act)


def _apart(acts: list[Act]) -> Iterator[Act]:
    """The same acts, none at the same instant as another."""
    last = datetime.min.replace(tzinfo=UTC)
    for one in acts:
        at = max(one.at, last + timedelta(milliseconds=1))
        yield one if at == one.at else replace(one, at=at)
        last = at
