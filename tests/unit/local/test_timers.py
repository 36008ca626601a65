"""What a timer remembers and decides: the cases of the real host's listener, one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from local.host import cron, timers
from local.host.timers import NEVER, Status

HOURLY = cron.parse("0 0 * * * *")
NINE = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def test_a_new_timer_waits_for_its_first_occurrence() -> None:
    now = NINE + MINUTE
    assert timers.on_start(None, HOURLY, now) == (Status(NEVER, NINE + HOUR, now), False)


def test_a_timer_that_never_comes_has_nothing_to_remember() -> None:
    assert timers.on_start(None, cron.parse("0 0 0 31 2 *"), NINE) == (None, False)


def test_a_restart_between_occurrences_changes_nothing() -> None:
    known = Status(NINE, NINE + HOUR, NINE)
    assert timers.on_start(known, HOURLY, NINE + 59 * MINUTE) == (known, False)


@pytest.mark.parametrize("missed", [1, 2, 500])
def test_missed_occurrences_are_one_run_past_due(missed: int) -> None:
    known = Status(NINE, NINE + HOUR, NINE)
    _, past_due = timers.on_start(known, HOURLY, NINE + missed * HOUR + MINUTE)
    assert past_due


def test_a_first_occurrence_that_was_missed_is_past_due_too() -> None:
    known = Status(NEVER, NINE, NINE - HOUR)
    now = NINE + 90 * MINUTE
    assert timers.on_start(known, HOURLY, now) == (Status(NEVER, NINE + 2 * HOUR, now), True)


def test_a_changed_schedule_starts_from_now_on() -> None:
    known = Status(NINE, NINE + 24 * HOUR, NINE)
    now = NINE + 3 * HOUR + MINUTE
    status, past_due = timers.on_start(known, HOURLY, now)
    assert not past_due
    assert status == Status(NINE, NINE + 4 * HOUR, now)


def test_after_a_run_the_next_is_later_than_its_beginning() -> None:
    known = Status(NINE - HOUR, NINE, NINE - HOUR)
    begun = NINE + timedelta(milliseconds=3)
    assert timers.after_run(known, HOURLY, begun) == Status(begun, NINE + HOUR, begun)


def test_a_run_that_began_a_moment_early_counts_as_its_occurrence() -> None:
    known = Status(NINE - HOUR, NINE, NINE - HOUR)
    early = NINE - timedelta(milliseconds=20)
    assert timers.after_run(known, HOURLY, early) == Status(NINE, NINE + HOUR, NINE)


def test_a_run_past_due_counts_from_when_it_was_made_up_for() -> None:
    known = Status(NINE - 5 * HOUR, NINE - 4 * HOUR, NINE - 5 * HOUR)
    begun = NINE + MINUTE
    assert timers.after_run(known, HOURLY, begun) == Status(begun, NINE + HOUR, begun)


@pytest.mark.parametrize(
    ("expression", "fast"),
    [
        ("* * * * * *", True),
        ("*/30 * * * * *", True),
        ("0,10 0 * * * *", True),
        ("0 * * * * *", False),
        ("0 0 0 1 1 *", False),
        ("0 0 0 31 2 *", False),
    ],
)
def test_only_schedules_of_a_minute_and_more_are_remembered(expression: str, fast: bool) -> None:
    assert timers.is_too_fast(cron.parse(expression), NINE) is fast
