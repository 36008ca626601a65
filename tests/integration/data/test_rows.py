"""What must happen once, happens once, whoever else writes at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.data.database import reading, writing
from shared.data.models import (
    Appointment,
    AppointmentStatus,
    Base,
    BillingSwitch,
    Commission,
    FeeStatus,
    NoShowFee,
    Partner,
    Reputation,
    ReputationChange,
    UsageDay,
    User,
)
from shared.data.rows import insert_once, update_if
from shared.errors import Conflict
from shared.settings import Secret

NOW = datetime(2026, 11, 29, 6, 30, tzinfo=UTC)
DAY = date(2026, 11, 29)
WRITERS = 4
ONCE: list[tuple[type[Base], dict[str, Any]]] = [
    (
        NoShowFee,
        {
            "tenant_id": 1,
            "appointment_id": 1,
            "owner_id": 1,
            "amount_minor": 2500,
            "currency": "EUR",
            "status": FeeStatus.DUE,
            "created_at": NOW,
        },
    ),
    (
        ReputationChange,
        {
            "owner_id": 1,
            "week_on": DAY,
            "score_before": 100,
            "score_after": 90,
            "no_shows": 1,
            "recovered": 0,
            "created_at": NOW,
        },
    ),
    (UsageDay, {"tenant_id": 1, "counter": "logins", "day": DAY, "value": 7}),
    (Reputation, {"owner_id": 1, "tenant_id": 1, "score": 100, "good_since": DAY}),
    (BillingSwitch, {"id": 1, "paused_at": NOW, "paused_for": DAY}),
    (
        Commission,
        {"partner_id": 1, "tenant_id": 1, "day": DAY, "amount_minor": 5, "currency": "USD"},
    ),
    (User, {"tenant_id": 1, "email": "ana@example.com", "role": "staff"}),
]


@pytest.fixture(autouse=True)
def appointment(url: Secret) -> None:
    with writing(url) as session:
        session.add(Partner(name="x"))
        planned = AppointmentStatus.PLANNED
        session.add(Appointment(tenant_id=1, pet_id=1, starts_at=NOW, status=planned))


def at_once(url: Secret, act: Callable[[Session], bool]) -> list[bool]:
    """What each of several writers gets that begin together."""
    ready = threading.Barrier(WRITERS)

    def write(_: int) -> bool:
        ready.wait()
        with writing(url) as session:
            return act(session)

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(write, range(WRITERS)))


@pytest.mark.parametrize(("model", "values"), ONCE)
def test_of_several_writers_of_one_key_one_inserts(
    url: Secret, model: type[Base], values: dict[str, Any]
) -> None:
    did = at_once(url, lambda session: insert_once(session, model, values))
    assert sorted(did) == [False] * (WRITERS - 1) + [True]
    with reading(url) as session:
        assert session.execute(select(func.count()).select_from(model)).scalar() == 1


@pytest.mark.parametrize(("model", "values"), ONCE)
def test_a_second_row_of_the_key_is_a_conflict(
    url: Secret, model: type[Base], values: dict[str, Any]
) -> None:
    with writing(url) as session:
        session.add(model(**values))
    with pytest.raises(Conflict, match="the database refuses a row"), writing(url) as session:
        session.add(model(**values))


def test_of_several_who_claim_a_row_one_gets_it(url: Secret) -> None:
    def claim(session: Session) -> bool:
        expected = {"id": 1, "status": AppointmentStatus.PLANNED, "no_show_at": None}
        to = {"status": AppointmentStatus.NO_SHOW, "no_show_at": NOW}
        return update_if(session, Appointment, expected, to)

    assert sorted(at_once(url, claim)) == [False] * (WRITERS - 1) + [True]


def test_several_who_add_to_a_counter_lose_nothing(url: Secret) -> None:
    with writing(url) as session:
        session.add(UsageDay(tenant_id=1, counter="logins", day=DAY, value=0))

    def add(session: Session) -> bool:
        row = {"tenant_id": 1, "counter": "logins", "day": DAY, "closed_at": None}
        return update_if(session, UsageDay, row, {"value": UsageDay.value + 1})

    assert all(at_once(url, add))
    with reading(url) as session:
        assert session.execute(select(UsageDay.value)).scalar() == WRITERS


def test_a_row_that_was_inserted_goes_with_its_transaction(url: Secret) -> None:
    model, values = ONCE[0]
    with pytest.raises(InterruptedError), writing(url) as session:
        assert insert_once(session, model, values)
        raise InterruptedError
    with writing(url) as session:
        assert insert_once(session, model, values)
