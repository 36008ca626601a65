"""Which messages the tasks must ask for, by what the documentation promises (docs/tasks.md), and
by which words each is known again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tests.soak.year import walls
from tests.soak.year.cast import THRESHOLDS, Owner, Tenant
from tests.soak.year.facts import Appointment, Facts, Vaccination

DAY_AHEAD, HOURS_AHEAD, EXPIRING = "the day before", "two hours before", "vaccination"
_DAY = timedelta(days=1)
_USEFUL = {DAY_AHEAD: timedelta(hours=4), HOURS_AHEAD: timedelta(minutes=15)}
"""How long before the start nobody is reminded any more."""
_SAYS = {
    (DAY_AHEAD, "en"): "a reminder of the appointment",
    (DAY_AHEAD, "de"): "erinnern an den Termin",
    (HOURS_AHEAD, "en"): "is soon",
    (HOURS_AHEAD, "de"): "ist bald",
    (EXPIRING, "en"): "expires on",
    (EXPIRING, "de"): "läuft am",
}


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why somebody is told something: for one occasion, one message."""

    kind: str
    about: int
    """The appointment, or the vaccination."""
    owner: int
    when: datetime | date
    """The start, or the day on which it expires."""
    threshold: int = 0

    def __str__(self) -> str:
        what = "vaccination" if self.kind == EXPIRING else f"reminder {self.kind} of appointment"
        days = f", threshold {self.threshold}" if self.threshold else ""
        return f"{what} {self.about} ({self.when}{days}) to owner {self.owner}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An occasion that is due."""

    occasion: Occasion
    tenant: Tenant
    useful_until: datetime


def reminders(facts: Facts, kind: str, due_at: datetime, now: datetime) -> Iterator[Wanted]:
    """Of a run that was due at one time and takes place at another."""
    for one in facts.appointments.values():
        owner = facts.owner_of(one.pet)
        if one.tenant.id in facts.broken or one.status != "planned" or not facts.wants(owner):
            continue
        due, useful = _due(kind, one), one.start - _USEFUL[kind]
        if (one.booked_at is None or one.booked_at <= due) and due <= due_at and now < useful:
            yield Wanted(Occasion(kind, one.id, owner.id, one.start), one.tenant, useful)


def vaccinations(facts: Facts, due_at: datetime, now: datetime) -> Iterator[Wanted]:
    for one in facts.vaccinations.values():
        owner = facts.owner_of(one.pet)
        if one.tenant.id in facts.broken or not facts.wants(owner) or facts.renewed(one):
            continue
        threshold = nearest(one, due_at)
        if threshold is None:
            continue
        useful = _passed(one, threshold)
        if now < useful:
            occasion = Occasion(EXPIRING, one.id, owner.id, one.expires_on, threshold)
            yield Wanted(occasion, one.tenant, useful)


def nearest(one: Vaccination, at: datetime) -> int | None:
    """The threshold that holds: the last that was reached."""
    left = days_left(one, at)
    return min((days for days in THRESHOLDS if 0 < left <= days), default=None)


def days_left(one: Vaccination, at: datetime) -> int:
    return (one.expires_on - walls.day_of(at, one.tenant.zone)).days


def nonsense(facts: Facts, it: Wanted, now: datetime) -> str | None:
    """Why the message would make no sense any more; None: it does."""
    about, owner = it.occasion.about, it.occasion.owner
    if it.occasion.kind == EXPIRING:
        return _nonsense_of(facts, facts.vaccinations[about], it.occasion, now)
    appointment = facts.appointments[about]
    if facts.pets[appointment.pet] != owner:
        return "the pet has another owner"
    if appointment.status != "planned":
        return f"the appointment is {appointment.status}"
    if appointment.start != it.occasion.when:
        return f"the appointment was moved to {appointment.start}"
    return None


def _nonsense_of(facts: Facts, one: Vaccination, it: Occasion, now: datetime) -> str | None:
    if facts.pets[one.pet] != it.owner:
        return "the pet has another owner"
    if facts.renewed(one):
        return "it was renewed"
    if one.expires_on != it.when:
        return f"it was corrected to {one.expires_on}"
    return None if nearest(one, now) == it.threshold else "another threshold holds"


def says(facts: Facts, it: Wanted, now: datetime, body: str) -> bool:
    """Whether that text is the message of this occasion."""
    occasion, tenant = it.occasion, it.tenant
    if occasion.kind == EXPIRING:
        vaccination = facts.vaccinations[occasion.about]
        pet = vaccination.pet
        told = [f"({vaccination.kind})", f"in {days_left(vaccination, now)} "]
        day = vaccination.expires_on
    else:
        assert isinstance(occasion.when, datetime)
        pet = facts.appointments[occasion.about].pet
        shown = walls.wall(occasion.when, tenant.zone)
        told, day = [_time(shown, tenant.language)], shown.date()
    words = [
        f"{tenant.name}: ",
        facts.cast.pets[pet].name,
        _SAYS[occasion.kind, tenant.language],
        *told,
    ]
    return all(one in body for one in words) and re.search(rf"\b{day.day}\b", body) is not None


def opens(place: str, at: datetime, first: int, last: int) -> datetime:
    """The first instant from `at` on at which clocks there show an hour from `first` on and before
    `last`."""
    while not first <= walls.wall(at, place).hour < last:
        at = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return at


def owner_of(facts: Facts, it: Wanted) -> Owner:
    return facts.cast.owners[it.occasion.owner]


def _due(kind: str, one: Appointment) -> datetime:
    if kind == HOURS_AHEAD:
        return one.start - timedelta(hours=2)
    return walls.instant(walls.wall(one.start, one.tenant.zone) - _DAY, one.tenant.zone)


def _passed(one: Vaccination, threshold: int) -> datetime:
    """When the next threshold is reached, or it expires."""
    following = max((days for days in THRESHOLDS if days < threshold), default=0)
    return walls.midnight(one.expires_on - following * _DAY, one.tenant.zone)


def _time(shown: datetime, language: str) -> str:
    if language == "de":
        return f"{shown:%H:%M} Uhr"
    return f"{shown.hour % 12 or 12}:{shown:%M} {'AM' if shown.hour < 12 else 'PM'}"
