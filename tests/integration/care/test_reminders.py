"""Reminders of appointments, on both databases (P4, P5, P9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.data.models import Appointment, AppointmentStatus, MessageRequest, Owner
from shared.errors import Cancelled, Misconfigured, Unavailable
from tests.integration.care.office import DAY, HOUR, MINUTE, NOON, Office, bad_zone
from tests.together import together

Remind = Callable[[Office], Mapping[str, Any]]
BOTH = pytest.mark.parametrize(
    ("remind", "ahead"), [(Office.remind_24h, DAY), (Office.remind_2h, 2 * HOUR)]
)


@BOTH
def test_whoever_comes_in_that_time_is_reminded_once(
    office: Office, remind: Remind, ahead: timedelta
) -> None:
    id = office.book(NOON + ahead)
    office.book(NOON + ahead + MINUTE)
    assert remind(office)["total_messages"] == 1
    (told,) = office.outbox.messages
    start = (NOON + ahead).isoformat()
    assert told.about == {"appointment_id": id, "owner_id": 1, "starts_at": start}
    assert told.occasion == f"{id}@{start}" and NOON < told.useful_until < NOON + ahead
    assert remind(office)["total_messages"] == 0
    assert remind(office.at(NOON + HOUR))["total_messages"] == 1
    assert len(office.outbox.messages) == 2


@BOTH
def test_a_run_that_was_late_or_missed_is_made_up_for(
    office: Office, remind: Remind, ahead: timedelta
) -> None:
    for minutes in range(0, 60, 10):
        office.book(NOON + ahead + minutes * MINUTE)
    assert remind(office.at(NOON + HOUR))["total_messages"] == 6


@BOTH
def test_a_late_run_asks_for_what_was_due_when_it_was_due(
    office: Office, remind: Callable[..., Mapping[str, Any]], ahead: timedelta
) -> None:
    """The next one asks for the rest; of what is useless by now, none does."""
    for start in (NOON + ahead, NOON + ahead + MINUTE, NOON + 14 * MINUTE):
        office.book(start)
    office.at(NOON + 14 * MINUTE)
    assert remind(office, due_at=NOON)["total_messages"] == 1
    assert remind(office.at(NOON + HOUR))["total_messages"] == 1


@BOTH
def test_a_moved_appointment_is_another_occasion(
    office: Office, remind: Remind, ahead: timedelta
) -> None:
    id = office.book(NOON + ahead)
    remind(office)
    office.change(Appointment, id, starts_at=NOON + 2 * ahead)
    assert remind(office)["total_messages"] == 0
    assert remind(office.at(NOON + ahead))["total_messages"] == 1
    first, second = office.outbox.messages
    assert first.about["appointment_id"] == second.about["appointment_id"]
    assert first.occasion != second.occasion


@BOTH
def test_who_booked_later_than_the_reminders_time_is_not_reminded(
    office: Office, remind: Remind, ahead: timedelta
) -> None:
    office.book(NOON + ahead - MINUTE, booked_at=NOON)
    office.book(NOON + ahead, booked_at=NOON)
    office.book(NOON + ahead, booked_at=None)
    assert remind(office)["total_messages"] == 2


@BOTH
def test_only_planned_appointments_of_owners_who_want_it(
    office: Office, remind: Remind, ahead: timedelta
) -> None:
    for status in AppointmentStatus:
        office.book(NOON + ahead, status=status)
    for given in ({"sms_opted_in": False}, {"phone": None}):
        office.book(NOON + ahead, pet=office.pet(1, **given))
    assert remind(office)["total_messages"] == 1
    office.change(Owner, 2, sms_opted_in=True)
    assert remind(office)["total_messages"] == 1, "who opts in later is found by a later run"


def test_the_longer_one_does_not_come_together_with_the_shorter_one(office: Office) -> None:
    """After an outage of nearly a day."""
    office.book(NOON + 3 * HOUR)
    office.book(NOON + 2 * HOUR)
    assert office.remind_24h()["total_messages"] == 0
    assert office.remind_2h()["total_messages"] == 1


def test_nobody_is_reminded_of_what_is_about_to_begin(office: Office) -> None:
    office.book(NOON + 15 * MINUTE)
    office.book(NOON + 16 * MINUTE)
    office.book(NOON - MINUTE)
    assert office.remind_2h()["total_messages"] == 1


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2026-03-29T14:00+02:00", "2026-03-28T14:00+01:00"),  # 23 hours before
        ("2026-10-25T14:00+01:00", "2026-10-24T14:00+02:00"),  # 25 hours before
        ("2026-03-30T02:30+02:00", "2026-03-29T03:00+02:00"),  # 2:30 was skipped
        ("2026-10-26T02:30+01:00", "2026-10-25T02:30+02:00"),  # 2:30 came twice
    ],
)
def test_a_day_ahead_is_the_same_time_of_the_tenants_clock(
    office: Office, start: str, due: str
) -> None:
    at = datetime.fromisoformat(due).astimezone(UTC)
    office.book(datetime.fromisoformat(start))
    assert office.at(at - timedelta(seconds=1)).remind_24h()["total_messages"] == 0
    assert office.at(at).remind_24h()["total_messages"] == 1


def test_a_tenant_whose_zone_is_wrong_stops_no_other(office: Office) -> None:
    bad, good = office.tenant(name="Bad"), office.tenant()
    for tenant in (bad, good):
        office.book(NOON + DAY, tenant=tenant, pet=office.pet(tenant))
    bad_zone(office, bad)
    result = office.remind_24h()
    assert (result["tenants_processed"], result["total_errors"]) == (2, 1)
    assert "Bad (2): its timezone: there is no zone 'Mars/Olympus'" in result["errors"][0]
    assert [one.tenant_id for one in office.outbox.messages] == [good]


def test_if_nothing_can_be_done_for_any_tenant_the_job_fails(office: Office) -> None:
    bad_zone(office, 1)
    with pytest.raises(Misconfigured, match="Mars/Olympus"):
        office.remind_24h()


def test_after_a_passing_fault_the_others_are_done_and_the_job_is_tried_again(
    office: Office,
) -> None:
    other = office.tenant()
    office.book(NOON + DAY)
    office.book(NOON + DAY, tenant=other, pet=office.pet(other))
    office.outbox.failing.append(Unavailable("table storage", "it did not answer"))
    with pytest.raises(Unavailable, match=r"1 of 2 were not done, first Łapka \(1\): table storag"):
        office.remind_24h()
    assert [one.tenant_id for one in office.outbox.messages] == [other]
    assert office.remind_24h()["total_messages"] == 1
    assert len(office.outbox.told) == 2


def test_if_a_service_is_away_not_every_tenant_waits_for_it(office: Office) -> None:
    for _ in range(5):
        tenant = office.tenant()
        office.book(NOON + DAY, tenant=tenant, pet=office.pet(tenant))
    office.outbox.failing.extend(Unavailable("table storage", "away") for _ in range(9))
    with pytest.raises(Unavailable, match="the others were left for a later attempt"):
        office.remind_24h()
    assert len(office.outbox.failing) == 6


def test_a_fault_that_nobody_foresaw_is_reported_without_its_text(office: Office) -> None:
    other = office.tenant()
    office.book(NOON + DAY)
    office.book(NOON + DAY, tenant=other, pet=office.pet(other))
    office.outbox.failing.append(ZeroDivisionError("with a secret"))
    job = office.job()
    result = office.care.remind_24h(job)
    assert result["errors"] == ["Łapka (1): failed unexpectedly (ZeroDivisionError)"]
    assert "Traceback" in job.log.text()
    assert len(office.outbox.told) == 1


def test_a_job_that_must_end_ends_between_two_pages(office: Office) -> None:
    office.book(NOON + DAY)
    job = office.job()
    job.stop.set()
    with pytest.raises(Cancelled):
        office.care.remind_24h(job)
    assert not office.outbox.messages


def test_a_job_that_must_end_tries_no_further_tenant(office: Office) -> None:
    other = office.tenant()
    office.book(NOON + DAY)
    office.book(NOON + DAY, tenant=other, pet=office.pet(other))
    office.outbox.failing.append(Cancelled("told to stop"))
    with pytest.raises(Cancelled):
        office.remind_24h()
    assert not office.outbox.messages


@pytest.mark.parametrize("lost", ["before", "after"])
def test_killed_around_the_outbox_nothing_is_lost_and_nobody_told_twice(
    office: Office, lost: str
) -> None:
    office.book(NOON + DAY)
    where = office.outbox.failing if lost == "before" else office.outbox.lost
    where.append(Cancelled("killed"))
    with pytest.raises(Cancelled):
        office.remind_24h()
    office.remind_24h()
    assert len(office.outbox.told) == 1
    assert len(office.outbox.messages) == (1 if lost == "before" else 2)


def test_two_runs_at_once_tell_each_owner_once(office: Office) -> None:
    for n in range(250):
        office.book(NOON + DAY - n * MINUTE)
    together(office.remind_24h, office.remind_24h)
    assert len(office.outbox.told) == 250
    assert len(office.rows(MessageRequest, "id")) == 250


def test_the_outbox_is_asked_about_an_appointment_once_and_not_each_hour(office: Office) -> None:
    for n in range(230):
        office.book(NOON + 20 * HOUR + n * MINUTE)
    for hour in range(5):
        office.at(NOON + hour * HOUR).remind_24h()
    assert len(office.outbox.messages) == len(office.outbox.told) == 230


def test_a_page_costs_a_few_statements_however_many_rows(office: Office) -> None:
    for n in range(230):
        office.book(NOON + 20 * HOUR + n * MINUTE)
    with office.statements() as seen:
        office.remind_24h()
    assert len(seen) < 30, seen


def test_what_has_long_been_over_is_forgotten(office: Office) -> None:
    office.book(NOON + DAY)
    office.remind_24h()
    assert len(office.rows(MessageRequest, "id")) == 1
    office.at(NOON + 7 * DAY).remind_24h()
    assert len(office.rows(MessageRequest, "id")) == 1
    office.at(NOON + 9 * DAY).remind_2h()
    assert office.rows(MessageRequest, "id") == []


@BOTH
def test_a_dry_run_says_what_it_would_send_and_changes_nothing(
    office: Office, remind: Callable[..., Mapping[str, Any]], ahead: timedelta
) -> None:
    office.book(NOON + ahead)
    before = office.dump()
    result = remind(office, dry_run=True)
    assert result["total_messages"] == 1 and result["dry_run"] is True
    assert result["messages_sent"] == 1
    (one,) = result["would"]["send"]
    assert (one["owner_id"], one["status"], one["text"]) == (1, "sent", "words")
    assert office.dump() == before and not office.outbox.messages
    remind(office)
    assert remind(office, dry_run=True)["would"] == {}
