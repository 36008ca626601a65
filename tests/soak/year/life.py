"""Lets a plan happen: people write to the database and answer, vendors fail, hosts run tasks."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import singledispatchmethod

from sqlalchemy import text

from shared.clock import ManualClock
from shared.data.database import writing
from shared.data.models import (
    Appointment,
    AppointmentStatus,
    Base,
    Owner,
    Pet,
    Tenant,
    Vaccination,
    VaccinationStatus,
)
from shared.settings import Secret
from tests.soak.year import acts
from tests.soak.year.cast import TENANTS, Cast
from tests.soak.year.hosts import BASE, Hosts
from tests.soak.year.plan import Plan
from tests.vendors.stripe import FakeStripe, Fault
from tests.vendors.twilio import Answer, Twilio, throttled

_TOLD = 0.25
"""Of how many messages Twilio tells what became of them."""
_ALWAYS = 10**9


@dataclass
class Life:
    """What goes on, and what was noted of it."""

    plan: Plan
    url: Secret
    clock: ManualClock
    hosts: Hosts
    twilio: Twilio
    stripe: FakeStripe
    told: dict[str, str] = field(default_factory=dict)
    """What Twilio said last of a message, by its SID: how its way ended."""
    crashes: list[str] = field(default_factory=list)
    ran: int = 0
    in_vain: int = 0
    """How often Stripe was asked while it was away."""

    def __post_init__(self) -> None:
        self._rng = random.Random(self.plan.seed + 1)
        self._seen = 0
        self.twilio.numbers = {
            str(one.number): 21614 for one in self.plan.cast.owners.values() if one.landline
        }
        self.stripe.now = self.clock.now
        customers = (one.customer for one in self.plan.cast.owners.values())
        self.stripe.customers = {one for one in customers if one}

    def live(self) -> None:
        found(self.url, self.plan.cast)
        for act in self.plan.acts:
            self.clock.advance(act.at - self.clock.now())
            self._do(act)
            self._tell()

    @singledispatchmethod
    def _do(self, act: acts.Act) -> None:
        raise NotImplementedError(act)

    @_do.register
    def _(self, act: acts.Ran) -> None:
        try:
            self.hosts.run(act)
        except Exception as error:
            self.crashes.append(f"{act.task}, due at {act.due_at}: {error!r}")
        self.ran += 1

    @_do.register
    def _(self, _act: acts.Prepared) -> None:
        self.hosts.prepare()

    @_do.register
    def _(self, act: acts.Ticked) -> None:
        self.hosts.engine.tick(self.hosts.apps, act)
        self.ran += len(act.tasks)

    @_do.register
    def _(self, act: acts.Booked) -> None:
        tenant_id = self.plan.cast.pets[act.pet].tenant.id
        self._write(
            Appointment(
                id=act.appointment,
                tenant_id=tenant_id,
                pet_id=act.pet,
                starts_at=act.start,
                status=AppointmentStatus.PLANNED,
                booked_at=act.booked_at,
            )
        )

    @_do.register
    def _(self, act: acts.Moved) -> None:
        self._change(Appointment, act.appointment, starts_at=act.start)

    @_do.register
    def _(self, act: acts.Cancelled) -> None:
        status = AppointmentStatus.CANCELLED
        self._change(Appointment, act.appointment, status=status, cancelled_at=act.at)

    @_do.register
    def _(self, act: acts.Arrived) -> None:
        self._change(Appointment, act.appointment, status=AppointmentStatus.ARRIVED)

    @_do.register
    def _(self, act: acts.Vaccinated) -> None:
        self._write(
            Vaccination(
                id=act.vaccination,
                tenant_id=self.plan.cast.pets[act.pet].tenant.id,
                pet_id=act.pet,
                kind=act.kind,
                expires_on=act.expires_on,
                status=VaccinationStatus.VALID,
            )
        )

    @_do.register
    def _(self, act: acts.Corrected) -> None:
        self._change(Vaccination, act.vaccination, expires_on=act.expires_on)

    @_do.register
    def _(self, act: acts.Given) -> None:
        self._change(Pet, act.pet, owner_id=act.owner)

    @_do.register
    def _(self, act: acts.Agreed) -> None:
        self._change(Owner, act.owner, sms_opted_in=True)

    @_do.register
    def _(self, act: acts.Stopped) -> None:
        said = self.twilio.answered(BASE, act.number, "STOP")
        if act.heard:
            self.hosts.called(said)

    @_do.register
    def _(self, act: acts.Restarted) -> None:
        self.hosts.called(self.twilio.answered(BASE, act.number, "START"))

    @_do.register
    def _(self, act: acts.Broke) -> None:
        self._zone(act.tenant, "Mars/Olympus")

    @_do.register
    def _(self, act: acts.Mended) -> None:
        self._zone(act.tenant, self.plan.cast.tenants[act.tenant].zone)

    @_do.register
    def _(self, act: acts.Capped) -> None:
        for one in TENANTS:
            cap, cents = (None, None) if act.messages else (one.cap, one.cents)
            self._change(Tenant, one.id, sms_daily_limit=cap, sms_daily_spend_minor=cents)
        for host in (0, 1):
            self.hosts.start(host, SMS_DAILY_LIMIT=str(act.messages))

    @_do.register
    def _(self, act: acts.Away) -> None:
        self.twilio.next.clear()
        if act.what == "stripe":
            self.stripe.faults[:] = [Fault(status=503, times=_ALWAYS)]
        elif act.what == "throttled":
            self.twilio.always = throttled(600)
        else:
            self.twilio.away = True

    @_do.register
    def _(self, act: acts.Back) -> None:
        if act.what == "stripe":
            self.in_vain += _ALWAYS - self.stripe.faults.pop().times
        self.twilio.always, self.twilio.away = None, False

    @_do.register
    def _(self, _act: acts.Lost) -> None:
        if not self.twilio.next:
            self.twilio.say(Answer(status=500, sends=True))
        if not self.stripe.faults:  # twice, for its library asks once more by itself
            path = self._rng.choice(("invoices$", "invoiceitems", "finalize"))
            self.stripe.faults.append(Fault(path, done=True, times=2))

    @_do.register
    def _(self, act: acts.Fresh) -> None:
        self.hosts.start(act.host)

    def _tell(self) -> None:
        """Twilio tells what became of some of its new messages."""
        new = self.twilio.sent[self._seen :]
        self._seen += len(new)
        for one in new:
            if self._rng.random() < _TOLD:
                for status, code in self._news():
                    self.hosts.called(self.twilio.callback(one, status, code))
                    if status != "sent":
                        self.told[one.sid] = status

    def _news(self) -> list[tuple[str, int | None]]:
        """In any order, and repeatedly; the end of a way stays."""
        end: tuple[str, int | None] = self._rng.choice(
            (("delivered", None), ("delivered", None), ("undelivered", 30005))
        )
        return self._rng.choice(([end], [end, end], [("sent", None), end], [end, ("sent", None)]))

    def _write(self, row: Base) -> None:
        with writing(self.url) as session:
            session.add(row)

    def _change(self, model: type[Base], id: int, **to: object) -> None:
        with writing(self.url) as session:
            row = session.get_one(model, id)
            for name, value in to.items():
                setattr(row, name, value)

    def _zone(self, tenant: int, name: str) -> None:
        """Past the models, which would refuse it."""
        with writing(self.url) as session:
            session.execute(
                text("UPDATE tenants SET timezone = :name WHERE id = :id"),
                {"name": name, "id": tenant},
            )


def found(url: Secret, cast: Cast) -> None:
    """Write the company down, as it is at first."""
    with writing(url) as session:
        for tenant in cast.tenants.values():
            session.add(
                Tenant(
                    id=tenant.id,
                    name=tenant.name,
                    timezone=tenant.zone,
                    language=tenant.language,
                    currency=tenant.currency,
                    no_show_fee_minor=tenant.fee,
                    no_show_grace_minutes=tenant.grace,
                    sms_daily_limit=tenant.cap,
                    sms_daily_spend_minor=tenant.cents,
                    sms_currency="USD",
                )
            )
        session.flush()
        for owner in cast.owners.values():
            session.add(
                Owner(
                    id=owner.id,
                    tenant_id=owner.tenant.id,
                    name=f"Owner {owner.id}",
                    phone=owner.phone,
                    sms_opted_in=owner.opted_in,
                    timezone=owner.zone,
                    language=None,
                    stripe_customer_id=owner.customer,
                )
            )
        session.flush()
        for pet in cast.pets.values():
            session.add(Pet(id=pet.id, owner_id=pet.owner, name=pet.name))
