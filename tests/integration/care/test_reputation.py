"""What weeks do to reputations, on both databases (P6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from shared.data.models import (
    AppointmentStatus,
    Reputation,
    ReputationChange,
    ReputationWeek,
)
from tests.integration.care.office import DAY, HOUR, MINUTE, Crash, Office
from tests.together import together

SUNDAY = datetime(2026, 11, 29, tzinfo=UTC)
WEEK = 7 * DAY
NO_SHOW = AppointmentStatus.NO_SHOW


@pytest.fixture(autouse=True)
def on_sunday(office: Office) -> None:
    office.at(SUNDAY)


def miss(office: Office, at: datetime, **given: int) -> None:
    """An appointment that was marked as a no-show then."""
    office.book(at - 6 * HOUR, status=NO_SHOW, no_show_at=at, **given)


def know(office: Office, score: int, good_since: date, owner: int = 1) -> None:
    """An owner's reputation."""
    office.know(owner, score, good_since)


def standing(office: Office) -> list[tuple[object, ...]]:
    return office.rows(Reputation, "score", "good_since")


def changes(office: Office) -> list[tuple[object, ...]]:
    columns = ("week_on", "score_before", "score_after", "no_shows", "recovered")
    return office.rows(ReputationChange, *columns)


def test_each_no_show_of_the_week_takes_points(office: Office) -> None:
    miss(office, SUNDAY - DAY)
    miss(office, SUNDAY - 2 * DAY)
    result = office.reputations()
    assert standing(office) == [(80, SUNDAY.date())]
    assert changes(office) == [(SUNDAY.date(), 100, 80, 2, 0)]
    assert (result["total_lowered"], result["points_lost"]) == (1, 20)


def test_what_was_marked_before_or_after_the_week_is_not_of_it(office: Office) -> None:
    """A no-show whose transaction may not be committed yet belongs to the next week."""
    settled = timedelta(minutes=10)
    for at in (SUNDAY - WEEK - settled - MINUTE, SUNDAY - settled, SUNDAY + HOUR):
        miss(office, at)
    office.reputations()
    assert standing(office) == []
    office.at(SUNDAY + WEEK).reputations()
    assert standing(office) == [(80, (SUNDAY + WEEK).date())]


def test_the_same_week_twice_changes_nothing(office: Office) -> None:
    miss(office, SUNDAY - DAY)
    know(office, 50, date(2026, 1, 1), office.pet(1))
    office.reputations()
    before = office.dump()
    for hours in (0, 1, 100):
        assert office.at(SUNDAY + hours * HOUR).reputations()["total_weeks"] == 0
    assert office.dump() == before


@pytest.mark.parametrize(("days", "score"), [(89, 50), (90, 55), (200, 55)])
def test_who_behaved_well_for_ninety_days_gets_points_back(
    office: Office, days: int, score: int
) -> None:
    know(office, 50, SUNDAY.date() - timedelta(days=days))
    office.reputations()
    assert standing(office) == [(score, SUNDAY.date() - timedelta(days=days))]


def test_points_come_back_each_week_and_never_above_the_top(office: Office) -> None:
    know(office, 92, date(2026, 1, 1))
    for week in range(4):
        office.at(SUNDAY + week * WEEK).reputations()
    assert [row[1:3] for row in changes(office)] == [(92, 97), (97, 100)]
    assert standing(office) == [(100, date(2026, 1, 1))]


def test_a_score_never_falls_below_nothing(office: Office) -> None:
    for n in range(12):
        miss(office, SUNDAY - DAY - n * MINUTE)
    office.reputations()
    assert standing(office) == [(0, SUNDAY.date())]


def test_weeks_that_were_missed_are_made_up_for_in_order(office: Office) -> None:
    office.reputations()
    know(office, 98, date(2026, 1, 1))
    miss(office, SUNDAY + WEEK + DAY)
    miss(office, SUNDAY + 2 * WEEK + DAY)
    result = office.at(SUNDAY + 4 * WEEK).reputations()
    assert result["total_weeks"] == 4
    assert [row[1:] for row in changes(office)] == [
        (98, 100, 0, 2),
        (100, 90, 1, 0),
        (90, 80, 1, 0),
    ]
    assert standing(office) == [(80, (SUNDAY + 3 * WEEK).date())]
    before = office.dump()
    office.reputations(due_at=SUNDAY + 2 * WEEK)  # the late job of a week that was made up for
    assert office.dump() == before


def test_the_first_run_of_all_settles_one_week_and_not_the_years_before(office: Office) -> None:
    miss(office, SUNDAY - WEEK - DAY)
    know(office, 50, date(2020, 1, 1))
    assert office.reputations()["total_weeks"] == 1
    assert standing(office) == [(55, date(2020, 1, 1))]


def test_weeks_end_where_the_task_runs(office: Office) -> None:
    """At midnight in Tokyo, it is Saturday in UTC."""
    office.timezone = "Asia/Tokyo"
    miss(office, SUNDAY - 9 * HOUR - 11 * MINUTE)
    office.at(SUNDAY - 9 * HOUR).reputations()
    assert changes(office) == [(SUNDAY.date(), 100, 90, 1, 0)]


def test_points_and_days_are_settings(office: Office) -> None:
    office.rules = replace(office.rules, no_show_points=30, recovery_days=14, recovery_points=20)
    miss(office, SUNDAY - DAY)
    for week in range(4):
        office.at(SUNDAY + week * WEEK).reputations()
    assert [row[1:3] for row in changes(office)] == [(100, 70), (70, 90), (90, 100)]


def test_owners_at_the_top_without_a_no_show_cost_nothing(office: Office) -> None:
    for _ in range(30):
        know(office, 100, date(2026, 1, 1), office.pet(1))
    with office.statements() as seen:
        office.reputations()
    assert len(seen) == 6, seen


def test_many_are_settled_by_pages(office: Office) -> None:
    for n in range(250):
        miss(office, SUNDAY - DAY, pet=office.pet(1))
        if n % 2:
            know(office, 50, date(2026, 1, 1), office.pet(1))
    with office.statements() as seen:
        result = office.reputations()
    assert (result["total_lowered"], result["total_recovered"]) == (250, 125)
    assert len(seen) < 25


def test_two_runs_at_once_settle_a_week_once(office: Office) -> None:
    for _ in range(250):
        miss(office, SUNDAY - DAY, pet=office.pet(1))
    results = together(office.reputations, office.reputations)
    assert sum(int(str(one["total_lowered"])) for one in results) == 250
    assert standing(office) == [(90, SUNDAY.date())] * 250


@pytest.mark.parametrize("step", range(1, 14))
def test_killed_at_any_step_the_next_run_ends_in_the_same_state(office: Office, step: int) -> None:
    miss(office, SUNDAY - DAY)
    know(office, 50, date(2026, 1, 1), office.pet(1))
    died = False
    try:
        with office.crash_at(step):
            office.reputations()
    except Crash:
        died = True
    office.reputations()
    assert standing(office) == [(90, SUNDAY.date()), (55, date(2026, 1, 1))]
    assert len(changes(office)) == 2
    assert office.rows(ReputationWeek, "settled_on") == [(SUNDAY.date(),)]
    assert died or step > 10


def test_a_dry_run_says_what_would_change_and_changes_nothing(office: Office) -> None:
    miss(office, SUNDAY - DAY)
    know(office, 50, date(2026, 1, 1), office.pet(1))
    fallen = office.pet(1)  # would get points back, if there were no no-show
    know(office, 50, date(2026, 1, 1), fallen)
    miss(office, SUNDAY - DAY, pet=fallen)
    before = office.dump()
    result = office.reputations(dry_run=True)
    assert (result["total_lowered"], result["total_recovered"]) == (2, 1)
    assert [one["score_after"] for one in result["would"]["change"]] == [90, 40, 55]
    assert office.dump() == before
