"""A day in the life of a company for each of the tasks: when the task is due, and what is there to
be done. There is little of each, so that a task has few steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from shared.data.database import writing
from shared.data.models import (
    AppointmentStatus,
    BillingState,
    Commission,
    Cost,
    Owner,
    Partner,
    Revenue,
    Role,
    Tenant,
    TenantBilling,
    UsageDay,
    User,
)
from tests.integration.care.office import DAY, HOUR, MINUTE, Office
from tests.integration.kills.steps import COMMIT, answer_to
from tests.vendors.stripe import FakeStripe
from tests.vendors.twilio import ACCOUNT

TODAY = date(2026, 11, 29)
"""A Sunday."""
ANA_MAIL, EUN_MAIL = "ana@example.com", "eun-ji@example.com"
ANA, EUN, LEE = "+4915112345678", "+4915112345679", "+15551234567"
TEXT = f"POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json"
MAIL = "POST /v3/mail/send"
BLOB = "PUT /devstoreaccount1/belfry-reports/cost/2026-11-28.json"
INVOICE = "POST /v1/invoices"
SUBSCRIPTIONS = tuple(f"POST /v1/subscriptions/sub_{one}" for one in "ab")
CUSTOMERS = ("cus_ana", "cus_eun")


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """What a task finds."""

    due_at: datetime
    fill: Callable[[Office], object]
    steps: dict[str, int]
    """Some of its steps, and how often it takes each at least."""


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 29, hour, minute, tzinfo=UTC)


def know(stripe: FakeStripe) -> None:
    """What Stripe has already."""
    stripe.customers.update(CUSTOMERS)
    for one in SUBSCRIPTIONS:
        stripe.subscribe(one.rpartition("/")[2])


def usage(office: Office) -> None:
    """Three tenants with days that are over where they are, and with one that is not."""
    for tenant in (1, office.tenant(), office.tenant(timezone="Asia/Tokyo")):
        for days in range(3):
            day = TODAY - timedelta(days=days)
            office.add(UsageDay(tenant_id=tenant, counter="logins", day=day, value=days + 1))


def administrators(office: Office, *emails: str) -> None:
    for one in emails:
        office.add(User(tenant_id=1, email=one, role=Role.SYSTEM_ADMIN))


def costs(office: Office) -> None:
    administrators(office, ANA_MAIL, EUN_MAIL)
    day = TODAY - timedelta(days=1)
    given = {"tenant_id": 1, "day": day, "currency": "USD"}
    office.add(Cost(category="sms", amount_minor=700, **given))
    office.add(Revenue(source="subscription", amount_minor=2900, **given))
    partner = office.add(Partner(name="Vet Supplies"))
    office.add(Commission(partner_id=partner, amount_minor=290, **given))


def spend(office: Office) -> None:
    """A day too dear, and two tenants to pause."""
    administrators(office, ANA_MAIL)
    office.add(Cost(tenant_id=1, day=TODAY, category="sms", amount_minor=6123, currency="USD"))
    with writing(office.url) as session:
        for tenant, name in ((1, "sub_a"), (office.tenant(), "sub_b")):
            session.add(
                TenantBilling(
                    tenant_id=tenant, stripe_subscription_id=name, state=BillingState.ACTIVE
                )
            )


def vaccinations(office: Office) -> None:
    """One that has expired, one that begins to expire, one whose second threshold is reached."""
    administrators(office, ANA_MAIL)
    office.change(Owner, 1, phone=ANA)
    pet = office.pet(1, phone=EUN)
    office.vaccinate(TODAY - DAY)
    office.vaccinate(TODAY + 30 * DAY, kind="distemper")
    office.vaccinate(TODAY + 14 * DAY, pet=pet)


def missed(office: Office) -> None:
    """Two fees to invoice, and an appointment of a tenant who charges none."""
    office.change(Tenant, 1, no_show_fee_minor=2500)
    office.change(Owner, 1, stripe_customer_id=CUSTOMERS[0])
    pet = office.pet(1, stripe_customer_id=CUSTOMERS[1])
    office.book(at(0), pet=1)
    office.book(at(1), pet=pet)
    tenant = office.tenant()
    office.book(at(2), pet=office.pet(tenant), tenant=tenant)


def tomorrow(office: Office) -> None:
    """Two owners to remind; one where it is too early, and one of another tenant."""
    administrators(office, ANA_MAIL)
    office.change(Owner, 1, phone=ANA)
    far = office.pet(1, phone=LEE, timezone="America/Halifax")
    for pet in (1, office.pet(1, phone=EUN), far):
        office.book(at(12) + DAY, pet=pet)
    tenant = office.tenant(timezone="Europe/Berlin", language="de", sms_daily_limit=5)
    office.book(at(12) + DAY, pet=office.pet(tenant, phone=ANA), tenant=tenant)


def soon(office: Office) -> None:
    """Two owners to remind, and one whose number is none."""
    administrators(office, ANA_MAIL)
    office.change(Owner, 1, phone=ANA)
    for pet in (1, office.pet(1, phone=EUN), office.pet(1, phone="none")):
        office.book(at(12, 30) + 2 * HOUR, pet=pet)


def week(office: Office) -> None:
    """One who missed two appointments, one who has behaved well, and one of another tenant."""
    good = office.pet(1)
    office.know(2, 80, TODAY - 100 * DAY)
    assert good == 2
    tenant = office.tenant()
    other = office.pet(tenant)
    for pet, of in ((1, 1), (1, 1), (other, tenant)):
        marked = at(0) - 3 * DAY
        status = AppointmentStatus.NO_SHOW
        office.book(marked, pet=pet, tenant=of, status=status, no_show_at=marked + 15 * MINUTE)


DAYS = {
    "metrics_reset": Day(due_at=at(0, 5), fill=usage, steps={COMMIT: 3}),
    "daily_cost_report": Day(
        due_at=at(9), fill=costs, steps={MAIL: 2, answer_to(MAIL): 2, BLOB: 1}
    ),
    "spend_guard": Day(
        due_at=at(10),
        fill=spend,
        steps={MAIL: 2, answer_to(MAIL): 2, COMMIT: 7} | dict.fromkeys(SUBSCRIPTIONS, 1),
    ),
    "vaccination_monitor": Day(
        due_at=at(9), fill=vaccinations, steps={TEXT: 2, answer_to(TEXT): 2, COMMIT: 4}
    ),
    "no_show_detector": Day(
        due_at=at(6, 30), fill=missed, steps={INVOICE: 2, answer_to(INVOICE): 2, COMMIT: 14}
    ),
    "appointment_reminders_24h": Day(
        due_at=at(12), fill=tomorrow, steps={TEXT: 3, answer_to(TEXT): 3, COMMIT: 3}
    ),
    "appointment_reminders_2h": Day(
        due_at=at(12, 30), fill=soon, steps={TEXT: 2, answer_to(TEXT): 2, COMMIT: 2}
    ),
    "reputation_updater": Day(due_at=at(0), fill=week, steps={COMMIT: 5}),
}
"""By task."""
