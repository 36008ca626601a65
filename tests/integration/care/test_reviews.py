"""What is read again right before a message is sent, on both databases (P9)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from shared.care.reviews import VACCINATION, reviews
from shared.data.database import writing
from shared.data.models import (
    Appointment,
    AppointmentStatus,
    Owner,
    Pet,
    Tenant,
    Vaccination,
)
from shared.errors import Misconfigured
from shared.notifications.kinds import kind
from shared.notifications.port import Dropped, Message, Ready
from tests.integration.care.office import DAY, HOUR, MINUTE, NOON, Office, bad_zone

TODAY = NOON.date()


def review(office: Office, message: Message, now: datetime = NOON) -> Ready | Dropped:
    return reviews(office.settings)[message.kind](message.about, now)


def reason(office: Office, message: Message, now: datetime = NOON) -> str:
    found = review(office, message, now)
    assert isinstance(found, Dropped)
    return found.reason


@pytest.fixture(params=["24h", "2h"])
def reminder(office: Office, request: pytest.FixtureRequest) -> Message:
    """A reminder of appointment 1."""
    day = request.param == "24h"
    office.book(NOON + (DAY if day else 2 * HOUR))
    (office.remind_24h if day else office.remind_2h)()
    return office.outbox.messages[0]


@pytest.fixture
def expiring(office: Office) -> Message:
    """A message of vaccination 1, fourteen days before."""
    office.vaccinate(TODAY + 14 * DAY)
    office.vaccinations()
    return office.outbox.messages[0]


def test_it_says_what_is_so_now(office: Office, reminder: Message) -> None:
    office.change(Owner, 1, phone="+4930", sms_opted_in=False, language="de", timezone="Asia/Tokyo")
    office.change(Pet, 1, name="Lunas neuer Name")
    office.change(Tenant, 1, sms_daily_limit=7, sms_daily_spend_minor=90)
    found = review(office, reminder)
    assert isinstance(found, Ready)
    owner = found.owner
    assert (owner.tenant_id, owner.owner_id, owner.phone, owner.opted_in) == (1, 1, "+4930", False)
    assert (owner.language, owner.timezone) == ("de", "Asia/Tokyo")
    assert owner.tenant_timezone == "Europe/Warsaw"
    assert (owner.sms_daily_limit, owner.sms_daily_spend_minor, owner.sms_currency) == (
        7,
        90,
        "USD",
    )
    assert found.data["pet"] == "Lunas neuer Name"
    assert found.data["timezone"] == "Europe/Warsaw", "the time is told as it is at the tenant"
    kind(reminder.kind).data.model_validate(found.data)


def test_what_an_owner_does_not_say_is_the_tenants(office: Office, reminder: Message) -> None:
    found = review(office, reminder)
    assert isinstance(found, Ready)
    assert (found.owner.language, found.owner.timezone) == ("en", "Europe/Warsaw")


@pytest.mark.parametrize(
    "status", [one for one in AppointmentStatus if one is not AppointmentStatus.PLANNED]
)
def test_an_appointment_that_is_not_planned_any_more_is_not_reminded_of(
    office: Office, reminder: Message, status: AppointmentStatus
) -> None:
    office.change(Appointment, 1, status=status)
    assert reason(office, reminder) == f"the appointment is {status.value}"


def test_one_that_was_moved_is_not_reminded_of_at_its_old_time(
    office: Office, reminder: Message
) -> None:
    office.change(Appointment, 1, starts_at=NOON + 3 * DAY)
    assert reason(office, reminder) == "the appointment was moved to 2026-11-28T12:00:00+00:00"


def test_too_late_is_too_late(office: Office, reminder: Message) -> None:
    until = reminder.useful_until
    assert isinstance(review(office, reminder, until - MINUTE), Ready)
    assert "too late" in reason(office, reminder, until)


def test_what_is_gone_is_not_told_of(office: Office, reminder: Message) -> None:
    with writing(office.url) as session:
        session.delete(session.get_one(Appointment, 1))
    assert "no longer there" in reason(office, reminder)


def test_the_old_owner_of_a_pet_is_not_reminded(office: Office, reminder: Message) -> None:
    office.change(Pet, 1, owner_id=office.add(Owner(tenant_id=1, name="Eve", sms_opted_in=True)))
    assert "its owner" in reason(office, reminder)


def test_a_zone_that_is_none_lets_the_message_wait(office: Office, reminder: Message) -> None:
    bad_zone(office, 1)
    with pytest.raises(Misconfigured, match="the timezone of tenant 1: there is no zone 'Mars"):
        review(office, reminder)


def test_a_vaccination_says_how_many_days_are_left(office: Office, expiring: Message) -> None:
    for days in (0, 6):
        found = review(office, expiring, NOON + days * DAY)
        assert isinstance(found, Ready)
        assert found.data["days_left"] == 14 - days
        assert found.data["vaccination"] == "rabies"
        kind(VACCINATION).data.model_validate(found.data)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda office: office.vaccinate(TODAY + 400 * DAY), "was renewed"),
        (
            lambda office: office.change(Vaccination, 1, expires_on=TODAY + 13 * DAY),
            "expires on 2026-12-08",
        ),
        (lambda office: office.change(Vaccination, 1, expires_on=TODAY), "expires on 2026-11-25"),
    ],
    ids=["renewed", "corrected", "over"],
)
def test_a_vaccination_that_changed_is_not_told_of(
    office: Office, expiring: Message, change: Callable[[Office], object], said: str
) -> None:
    change(office)
    assert said in reason(office, expiring)


@pytest.mark.parametrize(
    ("days", "said"), [(7, "no longer 14 days"), (14, "has expired"), (15, "has expired")]
)
def test_a_threshold_that_was_passed_by_is_not_told(
    office: Office, expiring: Message, days: int, said: str
) -> None:
    assert said in reason(office, expiring, NOON + days * DAY)


def test_a_review_is_one_query(office: Office, expiring: Message) -> None:
    with office.statements() as seen:
        review(office, expiring)
    assert len(seen) == 1
