"""What the columns' types take, refuse and give back, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text, update

from shared.data.database import reading, writing
from shared.data.models import (
    Appointment,
    AppointmentStatus,
    Cost,
    Owner,
    Pet,
    Tenant,
    UsageDay,
    User,
    Vaccination,
    VaccinationStatus,
)
from shared.errors import Conflict, Invalid
from shared.settings import Secret
from tests.integration.data.conftest import tenant

START = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def appointment(starts_at: datetime, **given: Any) -> Appointment:
    known = {"tenant_id": 1, "pet_id": 1, "status": AppointmentStatus.PLANNED}
    return Appointment(starts_at=starts_at, **known | given)


@pytest.mark.parametrize(
    "given",
    [
        START,
        START.replace(microsecond=1),
        datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=timezone(timedelta(hours=-9))),
    ],
)
def test_an_instant_comes_back_as_it_was_and_in_utc(url: Secret, given: datetime) -> None:
    with writing(url) as session:
        session.add(appointment(given))
    with reading(url) as session:
        (found,) = session.execute(select(Appointment.starts_at)).one()
    assert found == given.astimezone(UTC) and found.tzinfo is UTC


def test_a_time_without_a_zone_is_refused_as_a_value_and_in_a_query(url: Secret) -> None:
    naive = START.replace(tzinfo=None)
    with pytest.raises(Invalid, match="has no zone; give an aware"), writing(url) as session:
        session.add(appointment(naive))
    query = select(Appointment.id).where(Appointment.starts_at > naive)
    with pytest.raises(Invalid, match="has no zone; give an aware"), reading(url) as session:
        session.execute(query)


def test_instants_are_ordered_and_compared_by_time(url: Secret) -> None:
    """Also with and without microseconds, which a text might leave out."""
    times = [START + timedelta(microseconds=n) for n in (-1, 0, 1, 999_999, 1_000_000)]
    with writing(url) as session:
        session.add_all([appointment(at) for at in reversed(times)])
    query = select(Appointment.starts_at).order_by(Appointment.starts_at)
    with reading(url) as session:
        assert session.execute(query).scalars().all() == times
        late = query.where(Appointment.starts_at >= START, Appointment.starts_at < times[-1])
        assert session.execute(late).scalars().all() == times[1:4]


def test_rows_of_each_kind_come_back_as_they_were(url: Secret) -> None:
    day = date(2028, 2, 29)
    with writing(url) as session:
        session.get_one(Pet, 1).avatar = b"\x00\xff"
        session.add(
            Cost(tenant_id=1, day=day, category="sms", amount_minor=2**53 + 1, currency="USD")
        )
        session.add(UsageDay(tenant_id=1, counter="x", day=day, value=2**40))
    with reading(url) as session:
        assert session.execute(select(Cost.day, Cost.amount_minor)).one() == (day, 2**53 + 1)
        assert session.execute(select(UsageDay.value, UsageDay.closed_at)).one() == (2**40, None)
        assert session.execute(select(Pet.avatar)).scalar() == b"\x00\xff"
        found = session.execute(select(Owner.sms_opted_in, Owner.timezone)).one()
        assert found == (True, None)


def test_a_choice_comes_back_as_a_member(url: Secret) -> None:
    with writing(url) as session:
        session.add(appointment(START, status="no_show"))
    with reading(url) as session:
        found = session.execute(select(Appointment.status)).scalar()
    assert found is AppointmentStatus.NO_SHOW


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: appointment(START, status="missed"),
        lambda: tenant(timezone="Mars/Olympus"),
        lambda: tenant(timezone=""),
        lambda: Owner(tenant_id=1, name="x", sms_opted_in=True, timezone="CEST+"),
        lambda: User(tenant_id=1, email="x@example.com", role="root"),
    ],
)
def test_what_is_no_choice_and_no_zone_is_refused(url: Secret, wrong: Callable[[], Any]) -> None:
    with pytest.raises(Invalid, match=r"^value: "), writing(url) as session:
        session.add(wrong())
    with reading(url) as session:
        assert session.execute(select(Appointment.id)).all() == []
        assert len(session.execute(select(Tenant.id)).all()) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE vaccinations SET status = 'late'",
        "UPDATE vaccinations SET pet_id = 77",
        "UPDATE vaccinations SET expires_on = NULL",
        "INSERT INTO reputations VALUES (1, 1, 101, '2026-01-01')",
        "INSERT INTO reputations VALUES (1, 1, -1, '2026-01-01')",
        "INSERT INTO billing_switch (id) VALUES (2)",
        "INSERT INTO tenant_billings (tenant_id, state) VALUES (1, 'off')",
        "DELETE FROM tenants",
    ],
)
def test_the_database_itself_refuses_what_breaks_its_rules(url: Secret, statement: str) -> None:
    with writing(url) as session:
        known = {"tenant_id": 1, "pet_id": 1, "kind": "rabies", "expires_on": date(2027, 1, 1)}
        session.add(Vaccination(status=VaccinationStatus.VALID, **known))
    with pytest.raises(Conflict, match="refuses a row: "), writing(url) as session:
        session.execute(text(statement))


def test_a_status_is_changed_by_a_member(url: Secret) -> None:
    with writing(url) as session:
        session.add(appointment(START))
    with writing(url) as session:
        session.execute(update(Appointment).values(status=AppointmentStatus.DONE))
    with reading(url) as session:
        assert session.execute(text("SELECT status FROM appointments")).scalar() == "done"
