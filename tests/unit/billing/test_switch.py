"""The switch's rules, for any sequence of wishes: pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.billing.switch import Spend, Switch, paused, resumed
from shared.errors import Conflict

NOW = datetime(2026, 11, 29, 10, tzinfo=UTC)
DAYS = st.dates(date(2026, 11, 25), date(2026, 12, 5))
WISHES = st.lists(st.tuples(st.sampled_from(["pause", "resume"]), DAYS), max_size=12)


def spend(day: date) -> Spend:
    return Spend(day=day, spent_minor=6000, limit_minor=5000, currency="USD")


def after(wishes: list[tuple[str, date]]) -> Switch:
    switch = Switch()
    for number, (wish, day) in enumerate(wishes):
        now = NOW + timedelta(minutes=number)
        if wish == "pause":
            switch = paused(switch, spend(day), now)
        elif switch.is_paused or switch.is_resumed_for(day):
            switch = resumed(switch, "ana", day, now)
    return switch


@given(WISHES, DAYS)
def test_a_pause_pauses_unless_a_person_resumed_it_for_that_day(
    wishes: list[tuple[str, date]], day: date
) -> None:
    before = after(wishes)
    switch = paused(before, spend(day), NOW)
    assert switch.is_paused is not before.is_resumed_for(day)


@given(WISHES, DAYS)
def test_what_is_repeated_changes_nothing(wishes: list[tuple[str, date]], day: date) -> None:
    switch = paused(after(wishes), spend(day), NOW)
    assert paused(switch, spend(day), NOW + timedelta(hours=1)) == switch
    if switch.is_paused:
        switch = resumed(switch, "ana", day, NOW)
    if switch.is_resumed_for(day):
        assert resumed(switch, "ben", day, NOW + timedelta(hours=1)) == switch


@given(WISHES, DAYS)
def test_after_a_resume_neither_its_day_nor_the_paused_one_is_paused_again(
    wishes: list[tuple[str, date]], day: date
) -> None:
    before = paused(after(wishes), spend(day), NOW)
    if not before.is_paused:
        return
    switch = resumed(before, "ana", day, NOW)
    assert not paused(switch, spend(day), NOW).is_paused
    assert before.paused_for is not None
    assert not paused(switch, spend(before.paused_for), NOW).is_paused


def test_the_first_days_spend_is_kept() -> None:
    first = paused(Switch(), spend(NOW.date()), NOW)
    again = paused(first, spend(NOW.date() + timedelta(days=1)), NOW + timedelta(days=1))
    assert again == first and first.paused_for == NOW.date()


def test_what_runs_is_not_resumed() -> None:
    with pytest.raises(Conflict, match="billing is not paused"):
        resumed(Switch(), "ana", NOW.date(), NOW)
