"""Who there is: tenants in six zones, their owners and pets."""

from __future__ import annotations

import random
from dataclasses import dataclass

OPENS, CLOSES = 9, 20
"""The hours in which texts may go (SMS_WINDOW)."""
GRACE = 15
THRESHOLDS = (30, 14, 7)
POINTS_LOST, RECOVERY_DAYS, RECOVERY_POINTS = 10, 30, 5
"""The recovery is shorter than Belfry's default, so that a year has many."""
MAX_AGE_DAYS = 45
"""Longer than the longest outage, that of the tenant whose zone is none. So each fee is young when
Stripe can first be asked for it, and none is left for a person to release."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tenant:
    """A tenant."""

    id: int
    name: str
    zone: str
    language: str = "en"
    currency: str
    fee: int | None
    """In minor units; None: no policy of fees."""
    grace: int | None = None
    """Minutes; None: `GRACE`."""
    cap: int | None = None
    """Messages a day."""
    cents: int | None = None
    """What a day's messages may cost, in US cents."""

    @property
    def most(self) -> int | None:
        """How many messages of one segment a day has room for."""
        afford = None if self.cents is None else self.cents * 10_000 // SEGMENT
        return min((one for one in (self.cap, afford) if one is not None), default=None)


SEGMENT = 7_900
"""What a segment costs, in millionths of a US dollar (SMS_SEGMENT_PRICE)."""

TENANTS = (
    Tenant(
        id=1,
        name="Praxis Spree",
        zone="Europe/Berlin",
        language="de",
        currency="EUR",
        fee=2500,
        cap=2,
    ),
    Tenant(
        id=2,
        name="Hudson Vets",
        zone="America/New_York",
        currency="USD",
        fee=3000,
        grace=45,
        cents=2,
    ),
    Tenant(id=3, name="Harbour Vets", zone="Australia/Sydney", currency="AUD", fee=2000),
    Tenant(id=4, name="Ganga Clinic", zone="Asia/Kolkata", currency="INR", fee=None),
    Tenant(id=5, name="Andes Vets", zone="America/Santiago", currency="CLP", fee=15_000),
    Tenant(id=6, name="Thames Vets", zone="Europe/London", currency="GBP", fee=1800),
)
BROKEN = 6
"""The tenant whose row is broken for some weeks: its zone is none."""
_AWAY = {2: "America/Los_Angeles", 3: "Australia/Lord_Howe", 5: "Pacific/Chatham"}
"""Where an owner of that tenant lives, if not there."""
_OWNERS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """An owner."""

    id: int
    tenant: Tenant
    phone: str | None
    """As somebody typed it."""
    number: str | None
    """E.164; None: it is no phone number."""
    opted_in: bool
    zone: str | None
    """None: the tenant's."""
    customer: str | None
    """At Stripe."""
    unreliable: bool
    """Seldom comes."""
    landline: bool = False
    """Twilio refuses the number (21614)."""

    @property
    def place(self) -> str:
        """The zone whose quiet hours count."""
        return self.zone or self.tenant.zone


@dataclass(frozen=True, slots=True)
class Pet:
    """A pet; its name is that of no other."""

    id: int
    name: str
    tenant: Tenant
    owner: int
    """At first."""


@dataclass(frozen=True, slots=True)
class Cast:
    """All of them, by their ids."""

    tenants: dict[int, Tenant]
    owners: dict[int, Owner]
    pets: dict[int, Pet]


def cast(rng: random.Random) -> Cast:
    owners: dict[int, Owner] = {}
    pets: dict[int, Pet] = {}
    for tenant in TENANTS:
        for n in range(_OWNERS):
            id = len(owners) + 1
            owners[id] = _owner(id, tenant, n, rng)
            for _ in range(1 + (n == 0)):
                number = len(pets) + 1
                pets[number] = Pet(number, f"Pet{number:03}", tenant, id)
    return Cast({one.id: one for one in TENANTS}, owners, pets)


def _owner(id: int, tenant: Tenant, n: int, rng: random.Random) -> Owner:
    # The second owner of the first tenant and of the fifth are one person, with one number.
    last = 2 if (tenant.id, n) == (5, 1) else id
    digits = f"{20_000_000 + last * 1_111}"
    typed = (f"+49151{digits}", f"0151 {digits[:4]} {digits[4:]}", f"0049151{digits}")
    bad = n == 4 and tenant.id in (2, 3)
    return Owner(
        id=id,
        tenant=tenant,
        phone=(None if tenant.id == 2 else "12345") if bad else typed[id % 3],
        number=None if bad else f"+49151{digits}",
        opted_in=not (n == 3 and tenant.id % 2),
        zone=_AWAY.get(tenant.id) if n == 2 else None,
        customer=None if rng.random() < 0.15 else f"cus_{id:03}",
        unreliable=n in (0, 2),
        landline=n == 4 and tenant.id == 4,
    )
