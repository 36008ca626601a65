"""Weeks of a company at random, with both changes of clocks: bookings, moves, cancellations,
opt-outs, runs that were missed, late or doubled, a process that dies. Which messages there must be
is recomputed from what happened, by other means."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from shared.data.models import Appointment, AppointmentStatus, Owner
from shared.errors import Cancelled
from tests.integration.care.office import DAY, HOUR, MINUTE, Office

ZONES = ("Europe/Warsaw", "America/New_York", "Australia/Sydney")
EVER = datetime.max.replace(tzinfo=UTC)
CANCELLED = AppointmentStatus.CANCELLED
Told = set[tuple[int, datetime]]
"""(appointment, its start)."""


@dataclass
class Booking:
    """An appointment, with each start that it had and from when to when it was planned then."""

    id: int
    tenant: int
    owner: int
    booked_at: datetime
    start: datetime
    since: datetime
    spans: list[tuple[datetime, datetime, datetime]] = field(default_factory=list)

    def end_span(self, now: datetime) -> None:
        self.spans.append((self.start, self.since, now))
        self.since = now


@dataclass
class Owners:
    """Who wanted messages, from when to when."""

    out: dict[int, list[tuple[datetime, datetime]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def wants(self, owner: int, at: datetime) -> bool:
        return not any(begin <= at < end for begin, end in self.out[owner])


class Weeks:
    """What happens to a company in some days."""

    def __init__(self, office: Office, seed: int, begin: datetime) -> None:
        self.office = office
        self.chance = random.Random(seed)
        self.begin = begin
        self.owners = Owners()
        self.bookings: list[Booking] = []
        self.runs: dict[str, list[datetime]] = {"24h": [], "2h": []}
        self.pets: dict[int, tuple[int, int]] = {}
        for zone in ZONES:
            tenant = office.tenant(timezone=zone)
            for _ in range(3):
                pet = office.pet(tenant)
                self.pets[pet] = tenant, pet  # a new owner for each: the ids are equal

    def live(self, hours: int) -> None:
        for hour in range(hours):
            now = self.begin + hour * HOUR
            for _ in range(self.chance.randrange(5)):
                self.happen(now - self.chance.randrange(1, 15) * MINUTE)
            for name, minute in (("24h", 0), ("2h", 30)):
                if self.chance.random() < 0.6:
                    late = self.chance.choice([0, 0, 0, 5, 14])
                    self.run(name, now + (minute + late) * MINUTE)
        for one in self.bookings:
            one.end_span(EVER)

    def happen(self, now: datetime) -> None:
        live = [one for one in self.bookings if one.since != EVER]
        what = self.chance.random()
        if what < 0.6 or not live:
            self.book(now)
        elif what < 0.8:
            self.move(self.chance.choice(live), now)
        elif what < 0.9:
            one = self.chance.choice(live)
            self.office.change(Appointment, one.id, status=CANCELLED)
            one.end_span(now)
            one.since = EVER
        else:
            self.change_mind(self.chance.choice(list(self.pets)), now)

    def soon(self, now: datetime) -> datetime:
        minutes = self.chance.randrange(10, 60 * self.chance.choice([4, 30, 72]))
        return (now + minutes * MINUTE).replace(second=0)

    def book(self, now: datetime) -> None:
        pet, (tenant, owner) = self.chance.choice(list(self.pets.items()))
        start = self.soon(now)
        id = self.office.book(start, pet=pet, tenant=tenant, booked_at=now)
        self.bookings.append(Booking(id, tenant, owner, now, start, now))

    def move(self, one: Booking, now: datetime) -> None:
        start = self.soon(now)
        self.office.change(Appointment, one.id, starts_at=start)
        one.end_span(now)
        one.start = start

    def change_mind(self, owner: int, now: datetime) -> None:
        """The owner wants no more messages, or wants them again."""
        wants = self.owners.wants(owner, now)
        if wants:
            self.owners.out[owner].append((now, EVER))
        else:
            begin, _ = self.owners.out[owner].pop()
            self.owners.out[owner].append((begin, now))
        self.office.change(Owner, owner, sms_opted_in=not wants)

    def run(self, name: str, now: datetime) -> None:
        """A run, perhaps a doubled one, perhaps of a process that dies around the outbox."""
        self.office.at(now)
        work: Callable[[], object] = getattr(self.office, f"remind_{name}")
        died = self.chance.random()
        if died < 0.1:
            outbox = self.office.outbox
            (outbox.failing if died < 0.05 else outbox.lost).append(Cancelled("killed"))
        for _ in range(2 if died < 0.1 else 1 + (self.chance.random() < 0.1)):
            try:
                work()
            except Cancelled:
                continue
        self.office.outbox.failing.clear()
        self.office.outbox.lost.clear()
        self.runs[name].append(now)

    def wanted(self, name: str) -> Told:
        """What must have been told, by a look at each run for each start that there was."""
        found: Told = set()
        for one in self.bookings:
            zone = ZoneInfo(ZONES[one.tenant - 2])
            for start, since, until in one.spans:
                due = _due(name, start, zone)
                end = start - (4 * HOUR if name == "24h" else 15 * MINUTE)
                times = [
                    at
                    for at in self.runs[name]
                    if since <= at < until and due <= at < end and self.owners.wants(one.owner, at)
                ]
                if times and one.booked_at <= due:
                    found.add((one.id, start))
        return found


def _due(name: str, start: datetime, zone: ZoneInfo) -> datetime:
    """By Python's own arithmetic of wall times. In a gap, its end is the first minute that is shown
    as a later time."""
    if name == "2h":
        return start - 2 * HOUR
    wall = (start.astimezone(zone) - DAY).replace(fold=0)
    minute = min(wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC))
    while minute.astimezone(zone).replace(tzinfo=None) < wall.replace(tzinfo=None):
        minute += MINUTE
    return minute


@pytest.mark.parametrize(
    "begin",
    [
        datetime(2026, 10, 23, 6, tzinfo=UTC),  # clocks go back in Warsaw
        datetime(2027, 3, 12, 6, tzinfo=UTC),  # and forward in New York
    ],
    ids=["autumn", "spring"],
)
def test_each_reminder_that_must_be_sent_is_sent_once(office: Office, begin: datetime) -> None:
    weeks = Weeks(office, 7, begin)
    weeks.live(96)
    for name in ("24h", "2h"):
        kind = f"appointment_reminder_{name}"
        told = [
            (int(str(one.about["appointment_id"])), _start(str(one.about["starts_at"])))
            for one in office.outbox.about(kind)
        ]
        assert len(set(told)) == len(told)
        assert set(told) == weeks.wanted(name)
        assert len(told) > 15


def _start(text: str) -> datetime:
    return datetime.fromisoformat(text)
