"""What a schedule is warned of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared.recurrence import (
    Calendar,
    CalendarRule,
    DayOff,
    Frequency,
    Observance,
    Recurrence,
)
from shared.schedules import warnings
from shared.schedules.model import Definition, Policy, Schedule
from shared.schedules.warnings import Code

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
BERLIN: dict[str, Any] = {"timezone": "Europe/Berlin"}


def made(recurrence: Recurrence, number: int = 1, **more: Any) -> Schedule:
    what = Definition(name=f"n{number}", task_type="works", recurrence=recurrence, **more)
    return Schedule(
        id=f"s{number}", definition=what, policy=Policy(), created_at=NOW, updated_at=NOW
    )


def cron(expression: str, **more: Any) -> Recurrence:
    return Recurrence(frequency=Frequency.CRON, cron_expression=expression, **more)


def rule(text: str, start: str) -> Recurrence:
    begin = datetime.fromisoformat(start)
    return Recurrence(frequency=Frequency.RRULE, rrule=text, start_local=begin)


def codes(recurrence: Recurrence) -> list[Code]:
    return [one.code for one in warnings.of_times(made(recurrence), NOW)]


@pytest.mark.parametrize(
    ("recurrence", "expected"),
    [
        (cron("0 6 * * *"), []),
        (cron("* * * * *", **BERLIN), []),
        (cron("0 * * * *", **BERLIN), []),
        (cron("0 6 * * *", **BERLIN), []),
        (cron("30 2 * * *", **BERLIN), [Code.REPEATED_HOUR, Code.SKIPPED_HOUR]),
        (cron("30 2 * * 1", **BERLIN), []),  # clocks change on Sundays
        (cron("30 2 * * 0", **BERLIN), [Code.REPEATED_HOUR, Code.SKIPPED_HOUR]),
        (cron("30 2 * 10 *", **BERLIN), [Code.REPEATED_HOUR]),
        (cron("30 */2 * * *", **BERLIN), [Code.REPEATED_HOUR, Code.SKIPPED_HOUR]),
        (cron("30 2 * * *", end_time=NOW + timedelta(days=30), **BERLIN), []),
        (cron("0 0 29 2 *"), [Code.RUNS_RARELY, Code.LATE_DAY]),
        (cron("0 0 1 1 *"), []),
        (cron("0 0 31 * *"), [Code.LATE_DAY]),
        (cron("0 0 1,30 * *"), [Code.LATE_DAY]),
        (cron("0 0 31 1,3,5 *"), []),
        (cron("0 0 30 JAN-FEB *"), [Code.LATE_DAY]),
        (cron("0 0 31 * 1"), []),  # also on Mondays
        (cron("0 0 L * *"), []),
        (rule("FREQ=MONTHLY", "2026-01-31T09:00"), [Code.LATE_DAY]),
        (rule("FREQ=MONTHLY;BYMONTHDAY=15", "2026-01-31T09:00"), []),
        (rule("FREQ=YEARLY", "2026-01-31T09:00"), []),
        (rule("FREQ=YEARLY", "2024-02-29T09:00"), [Code.RUNS_RARELY, Code.LATE_DAY]),
        (rule("FREQ=YEARLY;INTERVAL=2", "2026-01-05T09:00"), [Code.RUNS_RARELY]),
        (rule("FREQ=WEEKLY", "2026-01-31T09:00"), []),
        (rule("FREQ=DAILY;COUNT=2", "2026-01-01T09:00"), [Code.NEVER_RUNS]),
    ],
)
def test_its_times_are_warned_of(recurrence: Recurrence, expected: list[Code]) -> None:
    assert codes(recurrence) == expected


def test_a_calendar_that_is_always_closed_is_named() -> None:
    closed = Calendar(id="c1", name="own", version=1, hours=((),) * 7)
    observed = Observance(rule=CalendarRule.SKIP, calendars=(closed,))
    (one,) = warnings.of_times(made(cron("0 6 * * *", calendar=observed)), NOW)
    assert (one.code, one.message) == (Code.NEVER_RUNS, "own holds every run back")


def test_a_clock_change_on_a_closed_day_is_nothing() -> None:
    days = (DayOff(date(2026, 10, 25), "closed"), DayOff(date(2027, 3, 28), "closed"))
    own = Calendar(id="c1", name="own", version=1, days=days)
    observed = Observance(rule=CalendarRule.SKIP, calendars=(own,))
    assert codes(cron("30 2 * * *", calendar=observed, **BERLIN)) == []


def test_what_is_said_of_a_clock_change_is_what_happens() -> None:
    fixed = warnings.of_times(made(cron("30 2 * * *", **BERLIN)), NOW)
    assert [one.message for one in fixed] == [
        "clocks show 02:30 on 2026-10-25 twice; it runs the first time only",
        "clocks skip 02:30 on 2027-03-28; it runs when the gap ends",
    ]
    elapsed = warnings.of_times(made(cron("30 */2 * * *", **BERLIN)), NOW)
    assert [one.message for one in elapsed] == [
        "clocks show 02:30 on 2026-10-25 twice; it runs both times",
        "clocks skip 02:30 on 2027-03-28; it does not run then",
    ]


@pytest.mark.parametrize(
    ("given", "warned"),
    [
        ({}, False),
        ({"notify_on_completion": False}, False),
        ({"notify_on_completion": True}, True),
        ({"notify_on_completion": True, "notification_emails": []}, True),
        ({"notify_on_completion": True, "notification_emails": ["a@example.com"]}, False),
    ],
)
def test_mails_that_nobody_would_get_are_told(given: dict[str, Any], warned: bool) -> None:
    found = warnings.nobody_told(made(cron("0 5 * * *"), task_parameters=given))
    assert [one.code for one in found] == [Code.NOBODY_TOLD] * warned


def test_an_off_or_paused_or_spent_schedule_says_so() -> None:
    daily = Recurrence(frequency=Frequency.DAILY)
    assert [one.code for one in warnings.of_times(made(daily, enabled=False), NOW)] == [Code.OFF]
    one = made(daily)
    paused = replace(one, progress=replace(one.progress, paused_reason="3 failed"))
    (said,) = warnings.of_times(paused, NOW)
    assert (said.code, said.message) == (Code.OFF, "it is paused: 3 failed")
    spent = replace(one, policy=Policy(max_runs=1), progress=replace(one.progress, handed_out=1))
    assert [each.code for each in warnings.of_times(spent, NOW)] == [Code.NEVER_RUNS]


@pytest.mark.parametrize(
    ("takes", "warned"), [(None, False), (59.0, False), (60.0, False), (61.0, True)]
)
def test_more_often_than_a_run_takes(takes: float | None, warned: bool) -> None:
    assert bool(warnings.too_often(cron("* * * * *"), NOW, takes)) is warned
    uneven = cron("0,1 9 * * *")  # once a day two runs are close
    assert bool(warnings.too_often(uneven, NOW, takes)) is warned


def test_the_same_is_found_however_it_is_written() -> None:
    one = made(cron("0 0 * * *"), task_parameters={"a": 1})
    alike = [
        made(cron("@daily"), 2, task_parameters={"a": 1}),
        made(Recurrence(frequency=Frequency.DAILY), 3, task_parameters={"a": 1}),
    ]
    others = [
        made(cron("@daily"), 4, task_parameters={"a": 2}),
        made(cron("@daily"), 5, task_parameters={"a": 1}, project_id=7),
        made(cron("@daily", **BERLIN), 6, task_parameters={"a": 1}),
        made(cron("0 1 * * *"), 7, task_parameters={"a": 1}),
    ]
    (said,) = warnings.same(one, [one, *alike, *others])
    assert said.code is Code.SAME
    assert said.message.endswith("n2 (s2), n3 (s3)")
    assert warnings.same(one, [one, *others]) == []
