"""A clock that jumped is found by the storage's answers, and the storage's time is followed."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import ManualClock
from shared.storage.checked import TOLERANCE, CheckedClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@dataclass
class World:
    """The truth, and the machine's clock."""

    truth: datetime = NOON
    wall: ManualClock = field(default_factory=lambda: ManualClock(NOON))
    clock: CheckedClock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = CheckedClock(self.wall)

    def later(self, by: timedelta) -> None:
        self.truth += by
        self.wall.advance(by)

    def jump(self, by: timedelta) -> None:
        """Set the machine's clock wrong, or right."""
        self.wall.set(self.wall.now() + by)

    def hear(self, took: float = 0.01, **options: Any) -> None:
        """An answer: the service dated it some time after it was asked for, in whole seconds."""
        begin = self.truth
        self.later(timedelta(seconds=took))
        said = format_datetime((begin + (self.truth - begin) / 2).replace(microsecond=0), True)
        self.clock.hear(said, took, **options)

    @property
    def error(self) -> timedelta:
        """What the clock says, less the truth."""
        return self.clock.now() - self.truth


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int | None]]:
    """(event, seconds) of each line about the clock."""
    records: list[Any] = caplog.records
    return [(one.event, one.fields.get("seconds")) for one in records if hasattr(one, "event")]


def test_while_they_agree_it_is_the_machines_clock(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    assert world.clock.now() == world.wall.now()
    world.jump(3 * SECOND)
    for _ in range(100):
        world.hear()
        world.later(timedelta(seconds=1.7))
        assert world.clock.now() == world.wall.now()
    assert world.clock.difference is None and said(caplog) == []


@pytest.mark.parametrize("jump", [HOUR, -HOUR, timedelta(seconds=9), timedelta(days=400)], ids=str)
def test_a_jump_is_not_followed_even_before_the_next_answer(jump: timedelta) -> None:
    world = World()
    world.hear()
    world.later(30 * SECOND)
    world.jump(jump)
    assert abs(world.error) <= 1.1 * SECOND
    world.later(HOUR)
    assert abs(world.error) <= 1.1 * SECOND


def test_it_is_told_once_and_once_more_when_it_changes_and_when_it_is_right(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    world = World()
    for jump in (timedelta(), HOUR, HOUR, -2 * HOUR):
        world.jump(jump)
        for _ in range(20):
            world.later(2 * SECOND)
            world.hear()
            assert abs(world.error) <= 1.1 * SECOND or world.clock.now() == world.wall.now()
    wrong = [(word, round((seconds or 0) / 60)) for word, seconds in said(caplog)]
    assert wrong == [("clock_wrong", 60), ("clock_wrong", 120), ("clock_right", 0)]
    levels = [record.levelname for record in caplog.records]
    assert levels == ["ERROR", "ERROR", "INFO"]
    assert world.clock.difference is None


def test_a_machine_that_starts_with_a_wrong_clock_is_right_from_the_first_answer_on() -> None:
    world = World(wall=ManualClock(NOON + HOUR))
    assert world.error == HOUR
    world.hear()
    assert abs(world.error) <= 1.1 * SECOND
    assert world.clock.difference is not None


def test_an_answer_that_took_long_says_little() -> None:
    """It was dated at some time of these twenty seconds."""
    world = World()
    for _ in range(10):
        world.hear(took=20)
        assert world.clock.now() == world.wall.now() and world.clock.difference is None


def test_a_machine_that_was_frozen_is_right_from_the_next_answer_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its clock was put right, and the steady one stood still: nothing is wrong."""
    world = World()
    world.hear()
    world.truth += HOUR
    world.jump(HOUR)
    world.hear()
    assert world.clock.now() == world.wall.now()
    assert world.clock.difference is None and said(caplog) == []


def test_only_one_date_a_second_is_read_unless_it_must_be_at_once() -> None:
    world = World()
    world.hear()
    world.clock.hear("Sun, 01 Mar 2026 15:00:00 GMT", 0.0)
    assert world.clock.now() == world.wall.now()
    world.clock.hear("Sun, 01 Mar 2026 15:00:00 GMT", 0.0, at_once=True)
    assert world.clock.now() >= NOON + 3 * HOUR


@pytest.mark.parametrize("date", [None, "", "soon", "Sun, 01 Mar 2026 15:00:00 -0000"])
def test_what_is_no_date_is_not_heard(date: str | None) -> None:
    world = World()
    world.clock.hear(date, 0.0)
    assert world.clock.now() == world.wall.now()


@given(
    steps=st.lists(
        st.tuples(
            st.floats(0, 500),  # seconds that pass
            st.floats(0, 30),  # how long an answer takes
            st.sampled_from([0, 0, 0, 3, 60, -60, 3600, -3600, 86400]),  # how far it jumps
        ),
        max_size=40,
    )
)
def test_it_is_never_far_off_once_it_heard_an_answer(
    steps: list[tuple[float, float, int]],
) -> None:
    world = World()
    world.hear()
    spread = 1.1 * SECOND
    for passes, took, jump in steps:
        world.later(timedelta(seconds=passes))
        world.jump(timedelta(seconds=jump))
        assert abs(world.error) <= TOLERANCE + spread
        world.hear(took)
        assert abs(world.error) <= TOLERANCE + spread
