"""A tick looks as far ahead as the next clock that is alive."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from shared.engine.dispatch.ahead import ahead, coming
from shared.engine.dispatch.facts import Facts, Known
from shared.engine.dispatch.names import HTTP, WORK

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LEAST = timedelta(seconds=75)
LATE = timedelta(seconds=15)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WAKES = {
    "dispatcher": "0 * * * * *",
    "message": "30 * * * * *",
    "five": "0 */5 * * * *",
    "hourly": "0 20 * * * *",
    "daily": "0 0 2 * * *",
    "never": "0 0 0 31 2 *",
}


def facts(beats: Mapping[str, timedelta], since: timedelta = 30 * DAY) -> Facts:
    """All clocks are known; `beats`: how long ago they ticked."""
    return Facts(
        known={name: Known(wakes, NOON - since) for name, wakes in WAKES.items()},
        beats={name: NOON - ago for name, ago in beats.items()},
    )


ALL = {
    "dispatcher": MINUTE,
    "message": timedelta(seconds=30),
    "five": 5 * MINUTE,
    "hourly": 40 * MINUTE,
    "daily": 10 * HOUR,
}


@pytest.mark.parametrize("clock", [*ALL, HTTP, WORK])
def test_while_a_clock_of_every_minute_is_alive_it_is_the_least(clock: str) -> None:
    assert ahead(NOON, clock, facts(ALL)) == LEAST


@pytest.mark.parametrize(
    ("alive", "clock", "next_at"),
    [
        (["five", "hourly", "daily"], "five", NOON + 5 * MINUTE),
        (["hourly", "daily"], "hourly", NOON + 20 * MINUTE),
        (["daily"], "daily", NOON + 14 * HOUR),
        (["daily"], WORK, NOON + 14 * HOUR),
        (["five"], HTTP, NOON + 5 * MINUTE),
    ],
)
def test_it_looks_as_far_as_the_next_wakeup_of_what_is_alive(
    alive: list[str], clock: str, next_at: datetime
) -> None:
    left = facts({name: ALL[name] for name in alive})
    assert coming(NOON, clock, left) == next_at
    assert ahead(NOON, clock, left) == next_at - NOON + LATE


@pytest.mark.parametrize(
    ("ago", "is_alive"),
    [
        (timedelta(seconds=60), True),
        (timedelta(seconds=60.02), True),  # it fired a moment early
        (timedelta(seconds=119), False),
        (timedelta(days=3), False),
    ],
)
def test_a_clock_is_alive_if_it_ticked_when_it_was_last_expected_to(
    ago: timedelta, is_alive: bool
) -> None:
    """For 15 s a wake-up is not missed: at noon that of noon is not."""
    left = facts({"dispatcher": ago, "five": 5 * MINUTE})
    assert (coming(NOON, "five", left) == NOON + MINUTE) is is_alive


def test_a_clock_that_never_ticked_is_not_counted_on() -> None:
    fresh = facts({}, since=timedelta())
    assert ahead(NOON, "five", fresh) == 5 * MINUTE + LATE


@pytest.mark.parametrize("early", [timedelta(), timedelta(milliseconds=30), timedelta(seconds=4)])
def test_a_timer_that_fires_a_moment_early_has_had_its_wakeup(early: timedelta) -> None:
    assert coming(NOON - early, "five", facts({})) == NOON + 5 * MINUTE


@pytest.mark.parametrize(
    ("last", "looks"),
    [
        (None, HOUR),
        (timedelta(seconds=2), 15 * MINUTE),  # one ping that was repeated
        (MINUTE, 15 * MINUTE),
        (30 * MINUTE, 30 * MINUTE),
        (3 * DAY, HOUR),
    ],
)
def test_a_pinger_alone_is_taken_to_keep_its_pace(last: timedelta | None, looks: timedelta) -> None:
    left = facts({} if last is None else {HTTP: last})
    assert ahead(NOON, HTTP, left) == looks + LATE


def test_work_alone_looks_a_day_ahead() -> None:
    assert ahead(NOON, WORK, facts({})) == DAY + LATE
