"""What is so at an instant, by the plan alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import singledispatchmethod

from tests.soak.year import acts
from tests.soak.year.cast import Cast, Owner, Tenant
from tests.soak.year.plan import Plan


@dataclass(slots=True)
class Appointment:
    id: int
    tenant: Tenant
    pet: int
    start: datetime
    booked_at: datetime | None
    status: str = "planned"
    no_show_at: datetime | None = None


@dataclass(slots=True)
class Vaccination:
    id: int
    tenant: Tenant
    pet: int
    kind: str
    expires_on: date
    status: str = "valid"


@dataclass(slots=True)
class Facts:
    """The company, as people's acts leave it."""

    cast: Cast
    opted_in: dict[int, bool]
    pets: dict[int, int]
    """The owner of each."""
    appointments: dict[int, Appointment] = field(default_factory=dict)
    vaccinations: dict[int, Vaccination] = field(default_factory=dict)
    broken: set[int] = field(default_factory=set)
    """Tenants."""
    blocked: set[str] = field(default_factory=set)
    """Numbers, at Twilio."""
    cap_of_all: int = 0
    away: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, plan: Plan) -> Facts:
        cast = plan.cast
        agreed = {one.id: one.opted_in for one in cast.owners.values()}
        return cls(cast, agreed, {one.id: one.owner for one in cast.pets.values()})

    def owner_of(self, pet: int) -> Owner:
        return self.cast.owners[self.pets[pet]]

    def wants(self, owner: Owner) -> bool:
        """Whether a task asks for messages to them."""
        return self.opted_in[owner.id] and owner.phone is not None

    def renewed(self, it: Vaccination) -> bool:
        return any(
            (one.pet, one.kind) == (it.pet, it.kind) and one.expires_on > it.expires_on
            for one in self.vaccinations.values()
        )

    def opt(self, number: str, wants: bool) -> None:
        """All owners with that number agree, or do not."""
        for one in self.cast.owners.values():
            if one.number == number:
                self.opted_in[one.id] = wants

    @singledispatchmethod
    def see(self, act: acts.Act) -> None:
        """Somebody acts. Of what changes nothing here, nothing is noted."""

    @see.register
    def _(self, act: acts.Booked) -> None:
        tenant = self.cast.pets[act.pet].tenant
        id = act.appointment
        self.appointments[id] = Appointment(id, tenant, act.pet, act.start, act.booked_at)

    @see.register
    def _(self, act: acts.Moved) -> None:
        self.appointments[act.appointment].start = act.start

    @see.register
    def _(self, act: acts.Cancelled) -> None:
        self.appointments[act.appointment].status = "cancelled"

    @see.register
    def _(self, act: acts.Arrived) -> None:
        self.appointments[act.appointment].status = "arrived"

    @see.register
    def _(self, act: acts.Vaccinated) -> None:
        tenant = self.cast.pets[act.pet].tenant
        id = act.vaccination
        self.vaccinations[id] = Vaccination(id, tenant, act.pet, act.kind, act.expires_on)

    @see.register
    def _(self, act: acts.Corrected) -> None:
        self.vaccinations[act.vaccination].expires_on = act.expires_on

    @see.register
    def _(self, act: acts.Given) -> None:
        self.pets[act.pet] = act.owner

    @see.register
    def _(self, act: acts.Agreed) -> None:
        self.opted_in[act.owner] = True

    @see.register
    def _(self, act: acts.Stopped) -> None:
        self.blocked.add(act.number)
        if act.heard:
            self.opt(act.number, False)

    @see.register
    def _(self, act: acts.Restarted) -> None:
        self.blocked.discard(act.number)
        self.opt(act.number, True)

    @see.register
    def _(self, act: acts.Broke) -> None:
        self.broken.add(act.tenant)

    @see.register
    def _(self, act: acts.Mended) -> None:
        self.broken.discard(act.tenant)

    @see.register
    def _(self, act: acts.Capped) -> None:
        self.cap_of_all = act.messages

    @see.register
    def _(self, act: acts.Away) -> None:
        self.away.add(act.what)

    @see.register
    def _(self, act: acts.Back) -> None:
        self.away.discard(act.what)
