"""Changes are rare, whatever comes: each may restart the app."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.scaling.measures import MINUTES, Minute, measured
from shared.scaling.policy import BETWEEN, BETWEEN_URGENT, SLOW_SECONDS, Level, Scale, usual
from shared.scaling.state import Change, ChangeOutcome, State
from shared.scaling.steps import SETTLES, Rules, Seen, step, to_make
from tests.unit.scaling.test_policy import BOUNDS, EACH, NOW, measures

APPLY = Rules(BOUNDS, apply=True)
RATES = st.sampled_from([10, 300, 700, 2000])
OUTCOMES = st.sampled_from(
    [ChangeOutcome.APPLIED, ChangeOutcome.REFUSED, ChangeOutcome.SENT, ChangeOutcome.POSTPONED]
)
USUAL = usual(BOUNDS)
EACH_DAY = timedelta(days=1) // EACH


def run(
    looks: list[tuple[int, ChangeOutcome, bool]], rules: Rules = APPLY
) -> tuple[State, list[Change]]:
    """(the state at the end, the changes that were made). Of each look: the rate; what becomes of
    a change; whether somebody deploys meanwhile, which sets back what is set."""
    state: State | None = None
    scale, made = USUAL, list[Change]()
    for number, (rate, outcome, deployed) in enumerate(looks):
        now = NOW + number * EACH
        scale = USUAL if deployed else scale
        after = step(state, measures(rate), Seen(scale=scale), rules, now, f"job-{number}")
        change = to_make(state, after)
        if change is not None:
            made.append(replace(change, outcome=outcome))
            after = after.with_change(made[-1])
            scale = change.after if outcome is ChangeOutcome.APPLIED else scale
        state = after
    assert state is not None
    return state, made


@given(st.lists(st.tuples(RATES, OUTCOMES, st.booleans()), min_size=1, max_size=150))
def test_changes_are_far_apart_but_for_a_first_emergency(
    looks: list[tuple[int, ChangeOutcome, bool]],
) -> None:
    _, made = run(looks)
    counted = [one for one in made if one.outcome is not ChangeOutcome.POSTPONED]
    for one, two in pairwise(counted):
        if two.level is not Level.EMERGENCY:
            assert two.at - one.at >= BETWEEN
        elif one.level is Level.EMERGENCY:
            assert two.at - one.at >= BETWEEN_URGENT


@pytest.mark.parametrize("peak", [110, 550, 1100, 2500])
def test_a_noisy_week_has_few_changes(peak: int) -> None:
    """Requests rise and fall with the day, no minute is like the last, and one look in twenty finds
    slow answers."""
    chance = random.Random(peak)
    state, scale, days = None, USUAL, [0] * 7
    for number in range(len(days) * EACH_DAY):
        wave = peak * (0.5 - 0.5 * math.cos(2 * math.pi * number / EACH_DAY))
        minutes = [Minute(int(wave * chance.lognormvariate(0, 0.3))) for _ in range(MINUTES)]
        slow = SLOW_SECONDS * 1.1 if chance.random() < 0.05 else None
        found = replace(measured(minutes, 0.0, 0), p95_seconds=slow)
        now, before = NOW + number * EACH, state
        state = step(before, found, Seen(scale=scale), APPLY, now, f"job-{number}")
        if (change := to_make(before, state)) is not None:
            scale, days[number // EACH_DAY] = change.after, days[number // EACH_DAY] + 1
            state = state.with_change(replace(change, outcome=ChangeOutcome.APPLIED))
    assert max(days) <= 8, days
    assert sum(days) >= 1, "it does something"


@given(st.lists(st.tuples(RATES, OUTCOMES, st.booleans()), min_size=1, max_size=60))
def test_to_recommend_changes_nothing(looks: list[tuple[int, ChangeOutcome, bool]]) -> None:
    state, made = run(looks, Rules(BOUNDS, apply=False))
    assert made == [] and state.changes == ()
    assert (state.wanted is None) == (state.held_back is None)


def test_an_emergency_does_not_wait_for_what_was_none() -> None:
    applied = ChangeOutcome.APPLIED
    _, made = run([(700, applied, False), (2000, applied, False)])
    assert [one.level for one in made] == [Level.UP, Level.EMERGENCY]


def test_what_was_refused_is_refused_in_an_emergency_too() -> None:
    looks = [(2000, ChangeOutcome.REFUSED, False)] * 13
    _, made = run(looks)
    assert [one.at - NOW for one in made] == [timedelta(), BETWEEN]


def test_nothing_is_changed_before_azure_wants_to_be_asked_again() -> None:
    until = NOW + 2 * EACH
    asked = Seen(scale=USUAL, wait_until=until)
    first = step(None, measures(2000), asked, APPLY, NOW, "job-1")
    assert first.held_back is not None and to_make(None, first) is None
    later = step(first, measures(2000), Seen(scale=USUAL), APPLY, until, "job-2")
    assert to_make(first, later) is not None


def test_a_run_that_was_killed_before_it_asked_azure_is_made_up_for() -> None:
    first = step(None, measures(2000), Seen(scale=USUAL), APPLY, NOW, "job-1")
    soon = step(first, measures(2000), Seen(scale=USUAL), APPLY, NOW + EACH, "job-2")
    assert to_make(first, soon) is None, "it may still be at it"
    after = NOW + SETTLES
    late = step(soon, measures(2000), Seen(scale=USUAL), APPLY, after, "job-3")
    made = to_make(soon, late)
    assert made is not None and made.after == Scale(ready=2, instances=100, concurrency=16)
    assert late.changes[1].outcome is ChangeOutcome.POSTPONED


def test_an_instant_of_a_clock_that_was_set_back_keeps_nobody_waiting() -> None:
    ahead = datetime(2030, 1, 1, tzinfo=UTC)
    first = step(None, measures(700), Seen(scale=USUAL), APPLY, ahead, "job-1")
    applied = first.with_change(replace(first.changes[0], outcome=ChangeOutcome.APPLIED))
    now = step(applied, measures(700), Seen(scale=USUAL), APPLY, NOW, "job-2")
    assert to_make(applied, now) is not None and now.held_back is None
