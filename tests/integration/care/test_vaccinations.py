"""Vaccinations that expire, and their statuses, on both databases (P1, P2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from shared.data.models import Vaccination, VaccinationStatus
from tests.integration.care.office import DAY, NOON, Office, bad_zone
from tests.together import together

TODAY = NOON.date()
VALID, EXPIRING, EXPIRED = VaccinationStatus


def told(office: Office) -> list[tuple[object, object]]:
    """(vaccination, threshold) of each message, in order."""
    return [(one.about["vaccination_id"], one.about["threshold"]) for one in office.outbox.messages]


def run_days(office: Office, *days: int) -> None:
    """A run so many days after today, each."""
    for day in days:
        office.at(NOON + day * DAY).vaccinations()


def test_each_threshold_is_told_once(office: Office) -> None:
    office.vaccinate(TODAY + 32 * DAY)
    run_days(office, *range(40))
    assert told(office) == [(1, 30), (1, 14), (1, 7)]


def test_after_days_without_a_run_the_nearest_threshold_is_told_alone(office: Office) -> None:
    office.vaccinate(TODAY + 32 * DAY)
    run_days(office, 0, 20, 20, 21, 30, 31)
    assert told(office) == [(1, 14), (1, 7)], "12 days before, and 2"


def test_one_that_was_passed_by_is_not_told_later(office: Office) -> None:
    office.vaccinate(TODAY + 5 * DAY)
    run_days(office, 0, 1, 2)
    assert told(office) == [(1, 7)]


def test_a_message_is_of_use_until_the_next_threshold(office: Office) -> None:
    office.vaccinate(TODAY + 30 * DAY)
    office.vaccinate(TODAY + 7 * DAY, kind="parvo")
    office.vaccinations()
    ends = {one.about["threshold"]: one.useful_until for one in office.outbox.messages}
    midnight = datetime(2026, 11, 25, 23, tzinfo=UTC)  # in Warsaw
    assert ends == {30: midnight + 15 * DAY, 7: midnight + 6 * DAY}


def test_statuses_follow_the_days(office: Office) -> None:
    office.vaccinate(TODAY + 31 * DAY)
    seen = []
    for day in (0, 1, 30, 31):
        run_days(office, day)
        seen += office.rows(Vaccination, "status")
    assert seen == [(VALID,), (EXPIRING,), (EXPIRING,), (EXPIRED,)]


def test_days_are_the_tenants(office: Office) -> None:
    """At 06:00 UTC it is still yesterday in Honolulu; at 12:00 it is tomorrow in Kiritimati."""
    late = office.tenant(timezone="Pacific/Honolulu")
    early = office.tenant(timezone="Pacific/Kiritimati")
    office.vaccinate(TODAY, tenant=late, pet=office.pet(late))
    office.vaccinate(TODAY + DAY, tenant=early, pet=office.pet(early))
    office.at(NOON - timedelta(hours=6)).vaccinations()
    assert office.rows(Vaccination, "status") == [(EXPIRING,), (EXPIRING,)]
    office.at(NOON).vaccinations()
    assert office.rows(Vaccination, "status") == [(EXPIRED,), (EXPIRED,)]


def test_a_day_that_somebody_corrected_is_followed_back(office: Office) -> None:
    gone = office.vaccinate(TODAY - DAY, status=EXPIRED)
    soon = office.vaccinate(TODAY + DAY, status=EXPIRING)
    office.vaccinate(TODAY + 2 * DAY, status=EXPIRED, kind="parvo")
    office.change(Vaccination, gone, expires_on=TODAY + 365 * DAY)
    office.change(Vaccination, soon, expires_on=TODAY + 300 * DAY)
    office.vaccinations()
    assert office.rows(Vaccination, "status") == [(VALID,), (VALID,), (EXPIRING,)]


def test_an_old_job_that_is_tried_again_turns_nothing_back(office: Office) -> None:
    office.vaccinate(TODAY)
    office.vaccinate(TODAY + 7 * DAY, kind="parvo")
    office.vaccinations()
    office.vaccinations(due_at=NOON - 3 * DAY)
    assert office.rows(Vaccination, "status") == [(EXPIRED,), (EXPIRING,)]
    assert told(office) == [(2, 7)]


def test_a_renewed_one_is_not_told_any_more(office: Office) -> None:
    office.vaccinate(TODAY + 30 * DAY)
    office.vaccinations()
    office.vaccinate(TODAY + 395 * DAY)
    office.vaccinate(TODAY + 40 * DAY, kind="parvo")
    run_days(office, 16, 23)
    assert told(office) == [(1, 30), (3, 30)], "the other kind goes on"


def test_the_vaccination_of_another_pet_renews_nothing(office: Office) -> None:
    office.vaccinate(TODAY + 14 * DAY)
    office.vaccinate(TODAY + 395 * DAY, pet=office.pet(1))
    office.vaccinations()
    assert told(office) == [(1, 14)]


def test_thresholds_are_settings(office: Office) -> None:
    office.rules = replace(office.rules, vaccination_thresholds=(60, 3))
    office.vaccinate(TODAY + 60 * DAY)
    run_days(office, *range(62))
    assert told(office) == [(1, 60), (1, 3)]


def test_only_owners_who_want_it(office: Office) -> None:
    for given in ({"sms_opted_in": False}, {"phone": None}):
        office.vaccinate(TODAY + 7 * DAY, pet=office.pet(1, **given))
    result = office.vaccinations()
    assert (result["total_messages"], result["total_status_updates"]) == (0, 2)


def test_many_are_updated_by_pages(office: Office) -> None:
    """And what has expired costs nothing from then on."""
    for n in range(620):
        office.vaccinate(TODAY - DAY - n * DAY)
    with office.statements() as seen:
        assert office.vaccinations()["total_status_updates"] == 620
    assert len(seen) < 20
    with office.statements() as seen:
        assert office.vaccinations()["total_status_updates"] == 0
    assert len(seen) < 12
    assert set(office.rows(Vaccination, "status")) == {(EXPIRED,)}


def test_a_tenants_fault_stops_no_other(office: Office) -> None:
    bad, good = office.tenant(name="Bad"), office.tenant()
    office.vaccinate(TODAY + 7 * DAY, tenant=good, pet=office.pet(good))
    bad_zone(office, bad)
    result = office.vaccinations()
    assert (result["total_errors"], result["total_messages"]) == (1, 1)


def test_two_runs_at_once_tell_each_owner_once(office: Office) -> None:
    for n in range(150):
        office.vaccinate(TODAY + 7 * DAY, kind=f"kind {n}")
    results = together(office.vaccinations, office.vaccinations)
    assert sum(int(str(one["total_status_updates"])) for one in results) == 150
    assert len(office.outbox.told) == 150


def test_a_dry_run_says_all_and_changes_nothing(office: Office) -> None:
    office.vaccinate(TODAY + 7 * DAY)
    office.vaccinate(TODAY - DAY)
    before = office.dump()
    result = office.vaccinations(dry_run=True)
    assert (result["total_status_updates"], result["total_messages"]) == (2, 1)
    assert [one["status"] for one in result["would"]["update"]] == ["expiring", "expired"]
    assert len(result["would"]["send"]) == 1
    assert office.dump() == before and not office.outbox.messages


@pytest.mark.parametrize("expires_on", [date(2027, 3, 28), date(2027, 10, 31)])
def test_where_clocks_change_days_are_still_counted_right(office: Office, expires_on: date) -> None:
    start = datetime(expires_on.year, expires_on.month, expires_on.day, 5, tzinfo=UTC)
    office.vaccinate(expires_on)
    for days in (31, 30, 29, 14, 7, 1, 0):
        office.at(start - days * DAY).vaccinations()
    assert told(office) == [(1, 30), (1, 14), (1, 7)]
