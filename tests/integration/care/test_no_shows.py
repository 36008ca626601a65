"""No-shows and their fees, on both databases (P3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.alerts.port import AlertKind
from shared.data.models import Appointment, AppointmentStatus, FeeStatus, NoShowFee, Owner, Tenant
from shared.errors import Unavailable
from tests.integration.care.office import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Crash,
    Office,
    bad_zone,
)
from tests.together import together

PLANNED, NO_SHOW = AppointmentStatus.PLANNED, AppointmentStatus.NO_SHOW
FEE = {"no_show_fee_minor": 2500}


@pytest.fixture(autouse=True)
def charging(office: Office) -> None:
    """The tenant charges a fee."""
    office.change(Tenant, 1, **FEE)


def test_an_appointment_is_marked_and_charged_once(office: Office) -> None:
    id = office.book(NOON - HOUR)
    result = office.no_shows()
    assert result["total_detected"] == result["total_fees_applied"] == result["total_invoiced"] == 1
    assert result["fees_minor"] == result["invoiced_minor"] == {"PLN": 2500}
    assert office.rows(Appointment, "status", "no_show_at") == [(NO_SHOW, NOON)]
    fee = office.rows(NoShowFee, "appointment_id", "owner_id", "amount_minor", "currency", "status")
    assert fee == [(id, 1, 2500, "PLN", FeeStatus.INVOICED)]
    again = office.no_shows()
    assert again["total_detected"] == again["total_fees_applied"] == 0
    assert len(office.rows(NoShowFee, "id")) == 1
    assert office.till.collected == [1], "without a fee that is due, billing is not asked"


def test_the_grace_is_the_settings_or_the_tenants(office: Office) -> None:
    patient = office.tenant(no_show_grace_minutes=60)
    strict = office.tenant(no_show_grace_minutes=0)
    for tenant, pet in ((1, 1), (patient, office.pet(patient)), (strict, office.pet(strict))):
        for minutes in (0, 14, 15, 59, 60):
            office.book(NOON - minutes * MINUTE, tenant=tenant, pet=pet)
    assert office.no_shows()["total_detected"] == 3 + 1 + 5


def test_what_counts_is_when_the_run_was_due_and_not_how_late_it_is(office: Office) -> None:
    office.book(NOON - 14 * MINUTE)
    assert office.at(NOON + HOUR).no_shows(due_at=NOON)["total_detected"] == 0


def test_an_appointment_late_in_the_evening_is_found_the_next_morning(office: Office) -> None:
    """23:50 in Warsaw: its grace ends on another day, there and in UTC."""
    office.book(datetime(2026, 11, 24, 22, 50, tzinfo=UTC))
    at = datetime(2026, 11, 25, 6, 30, tzinfo=UTC)
    assert office.at(at).no_shows()["total_detected"] == 1


@pytest.mark.parametrize("status", [one for one in AppointmentStatus if one is not PLANNED])
def test_whatever_is_not_planned_any_more_is_left_alone(
    office: Office, status: AppointmentStatus
) -> None:
    office.book(NOON - HOUR, status=status)
    assert office.no_shows()["total_detected"] == 0
    assert office.rows(Appointment, "status") == [(status,)]


@pytest.mark.parametrize("fee", [None, 0])
def test_a_tenant_without_a_policy_of_fees_charges_nothing(office: Office, fee: int | None) -> None:
    office.change(Tenant, 1, no_show_fee_minor=fee)
    office.book(NOON - HOUR)
    result = office.no_shows()
    assert (result["total_detected"], result["total_fees_applied"]) == (1, 0)
    assert office.rows(NoShowFee, "id") == [] and office.till.collected == []


def test_a_fee_below_nothing_is_named_and_stops_no_other_tenant(office: Office) -> None:
    office.change(Tenant, 1, no_show_fee_minor=-5)
    other = office.tenant(**FEE)
    office.book(NOON - HOUR)
    office.book(NOON - HOUR, tenant=other, pet=office.pet(other))
    result = office.no_shows()
    assert "its no_show_fee_minor is -5; use 1 or more" in result["errors"][0]
    assert (result["total_detected"], result["fees_minor"]) == (1, {"USD": 2500})


def test_nobody_is_charged_for_past_years(office: Office) -> None:
    office.book(NOON - 8 * DAY)
    office.book(NOON - 7 * DAY)
    office.book(NOON - 7 * DAY + MINUTE)
    result = office.no_shows()
    assert (result["total_detected"], result["total_too_old"]) == (1, 2)
    office.rules = replace(office.rules, no_show_max_age=timedelta(days=30))
    assert office.no_shows()["total_detected"] == 2


def test_an_owner_with_several_is_charged_for_each(office: Office) -> None:
    for n in range(3):
        office.book(NOON - HOUR - n * HOUR)
    assert office.no_shows()["fees_minor"] == {"PLN": 7500}


def test_fees_are_added_up_by_currency(office: Office) -> None:
    for currency in ("USD", "JPY"):
        tenant = office.tenant(currency=currency, no_show_fee_minor=3000)
        office.book(NOON - HOUR, tenant=tenant, pet=office.pet(tenant))
    office.book(NOON - HOUR)
    assert office.no_shows()["fees_minor"] == {"PLN": 2500, "USD": 3000, "JPY": 3000}


def test_what_could_not_be_invoiced_is_invoiced_by_the_next_attempt(office: Office) -> None:
    office.book(NOON - HOUR)
    office.till.failing.append(Unavailable("Stripe", "it did not answer"))
    with pytest.raises(Unavailable, match="Stripe: it did not answer"):
        office.no_shows()
    assert office.rows(NoShowFee, "status") == [(FeeStatus.DUE,)]
    result = office.no_shows()
    assert (result["total_detected"], result["total_invoiced"]) == (0, 1)


def test_somebody_who_arrives_at_the_same_instant_is_not_charged(office: Office) -> None:
    """Between reading the page and writing to it."""
    first, second = office.book(NOON - HOUR), office.book(NOON - 2 * HOUR)
    now = office.clock.now

    def arrives() -> datetime:  # the time is asked right before the transaction
        office.change(Appointment, first, status=AppointmentStatus.ARRIVED)
        return now()

    job = office.job()
    office.clock.now = arrives  # type: ignore[method-assign]
    result = office.care.detect_no_shows(job)
    assert result["total_detected"] == 1
    assert office.rows(Appointment, "status") == [(AppointmentStatus.ARRIVED,), (NO_SHOW,)]
    assert office.rows(NoShowFee, "appointment_id") == [(second,)]


def test_two_runs_at_once_charge_once(office: Office) -> None:
    for n in range(250):
        office.book(NOON - HOUR - n * MINUTE)
    results = together(office.no_shows, office.no_shows)
    assert sum(int(str(one["total_detected"])) for one in results) == 250
    assert len(office.rows(NoShowFee, "id")) == 250


@pytest.mark.parametrize("step", range(1, 8))
def test_killed_at_any_step_the_next_run_ends_in_the_same_state(office: Office, step: int) -> None:
    """The last of these steps is never reached: all were tried."""
    for n in range(3):
        office.book(NOON - HOUR - n * HOUR)
    died = False
    try:
        with office.crash_at(step):
            office.no_shows()
    except Crash:
        died = True
    marked = [status for (status,) in office.rows(Appointment, "status")]
    charged = office.rows(NoShowFee, "id")
    assert marked.count(NO_SHOW) == len(charged), "both or neither"
    office.no_shows()
    assert office.rows(Appointment, "status") == [(NO_SHOW,)] * 3
    assert office.rows(NoShowFee, "amount_minor", "status") == [(2500, FeeStatus.INVOICED)] * 3
    assert died or step > 3


def test_a_page_costs_a_few_statements_however_many_rows(office: Office) -> None:
    for n in range(390):
        office.book(NOON - HOUR - n * MINUTE)
    with office.statements() as seen:
        assert office.no_shows()["total_detected"] == 390
    assert len([one for one in seen if "no_show_fees.id AS" not in one]) < 25, len(seen)


def test_a_tenants_fault_stops_no_other(office: Office) -> None:
    """A wrong zone is none here: instants are compared."""
    bad_zone(office, 1)
    office.book(NOON - HOUR)
    assert office.no_shows()["total_detected"] == 1
    assert office.alerts.told == []


def test_people_are_told_once_a_day_of_a_tenant_that_fails(office: Office) -> None:
    """The job succeeds, so nobody would look at its errors."""
    office.change(Tenant, 1, no_show_fee_minor=-5)
    office.tenant(**FEE)
    office.no_shows(dry_run=True)
    assert office.alerts.told == []
    for _ in range(2):
        assert office.no_shows()["total_errors"] == 1
    ((key, kind, text),) = office.alerts.told
    assert (key, kind) == ("nightly: tenant 1:2026-11-25", AlertKind.TENANT_FAILED)
    assert "(1): its no_show_fee_minor is -5; use 1 or more" in text
    office.at(NOON + DAY).no_shows()
    assert len(office.alerts.told) == 2


def test_a_dry_run_says_what_it_would_charge_and_changes_nothing(office: Office) -> None:
    free = office.tenant()
    id = office.book(NOON - HOUR)
    office.book(NOON - HOUR, tenant=free, pet=office.pet(free))
    office.book(NOON - 30 * DAY)
    before = office.dump()
    result = office.no_shows(dry_run=True)
    assert (result["total_detected"], result["total_fees_applied"]) == (2, 1)
    assert result["fees_minor"] == {"PLN": 2500} and result["total_too_old"] == 1
    (charge,) = result["would"]["charge"]
    assert (charge["appointment_id"], charge["fee_minor"], charge["currency"]) == (id, 2500, "PLN")
    assert len(result["would"]["mark"]) == 1
    assert (result["total_invoiced"], result["total_fees_waiting"]) == (0, 1)
    assert office.dump() == before and office.till.collected == []


def test_a_dry_run_says_what_it_would_have_invoiced(office: Office) -> None:
    """Also of fees that it would have recorded first."""
    office.change(Owner, 1, stripe_customer_id="cus_ana")
    office.book(NOON - HOUR)
    office.book(NOON - 2 * HOUR)
    result = office.no_shows(dry_run=True)
    assert (result["total_invoiced"], result["invoiced_minor"]) == (2, {"PLN": 5000})
    assert result["would"]["invoice"] == [{"fee_id": 7}]
    real = office.no_shows()
    for name in ("total_detected", "total_fees_applied", "fees_minor", "total_invoiced"):
        assert result[name] == real[name]
