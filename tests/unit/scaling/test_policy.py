"""The scaling policy: by the table, with hysteresis, and within its bounds (O8)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.scaling.measures import MINUTES, Measures, Minute, measured
from shared.scaling.policy import (
    BETWEEN,
    BETWEEN_DOWN,
    BETWEEN_URGENT,
    BUSY,
    CALM,
    GAP,
    LATE_SECONDS,
    QUIET,
    SLOW_SECONDS,
    TOO_MUCH,
    Bounds,
    Cause,
    Held,
    Level,
    Range,
    Scale,
    Verdict,
    judge,
    level_of,
    next_change,
    wanted,
)

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
EACH = timedelta(minutes=5)
BOUNDS = Bounds(Range(0, 2), Range(40, 100), Range(8, 16))


def measures(rate: int, p95: float | None = None, wait: float = 0.0) -> Measures:
    return Measures(
        requests=(rate,) * MINUTES,
        p95_seconds=p95,
        queue_wait_seconds=wait,
        queue_messages=int(wait > 0),
    )


MEASURES = st.builds(
    measures, st.integers(0, 3000), st.none() | st.floats(0.0, 60.0), st.floats(0.0, 600.0)
)
SCALES = st.builds(
    Scale,
    ready=st.integers(0, 5),
    instances=st.integers(1, 200),
    concurrency=st.none() | st.integers(1, 64),
)


@st.composite
def ranges(draw: st.DrawFn, least: int) -> Range:
    one, two = sorted((draw(st.integers(least, 300)), draw(st.integers(least, 300))))
    return Range(one, two)


BOUNDS_OF_ANY = st.builds(Bounds, ranges(0), ranges(1), ranges(1))


def run(all_measures: Iterable[Measures], held: Held | None = None) -> list[Verdict]:
    """The verdicts of a look every five minutes."""
    found: list[Verdict] = []
    for number, one in enumerate(all_measures):
        found.append(judge(one, held, NOW + number * EACH))
        held = found[-1].held
    return found


def levels(verdicts: Sequence[Verdict]) -> list[Level]:
    return [one.level for one in verdicts]


def held(level: Level) -> Held:
    return Held(level=level, since=NOW - EACH, judged_at=NOW - EACH)


@pytest.mark.parametrize(
    ("rate", "level"),
    [
        (0, Level.DOWN),
        (99, Level.DOWN),
        (100, Level.KEEP),
        (499, Level.KEEP),
        (500, Level.UP),
        (1000, Level.UP),
        (1001, Level.EMERGENCY),
        (50_000, Level.EMERGENCY),
    ],
)
def test_the_table(rate: int, level: Level) -> None:
    assert level_of(measures(rate)) is level


@given(MEASURES, MEASURES)
def test_more_of_anything_means_no_lower_level(one: Measures, two: Measures) -> None:
    most = measures(
        max(one.requests_per_minute, two.requests_per_minute),
        max(one.p95_seconds or 0, two.p95_seconds or 0),
        max(one.queue_wait_seconds, two.queue_wait_seconds),
    )
    assert level_of(most).rank >= max(level_of(one).rank, level_of(two).rank)


@given(st.integers(0, 3000), st.floats(0, 60), st.floats(0, 600), st.sampled_from(Level))
def test_latency_and_queues_raise_and_never_lower(
    rate: int, p95: float, wait: float, before: Level
) -> None:
    alone = judge(measures(rate), held(before), NOW)
    both = judge(measures(rate, p95, wait), held(before), NOW)
    assert both.level.rank >= alone.level.rank
    if p95 >= SLOW_SECONDS or wait >= LATE_SECONDS:
        assert both.level.rank >= Level.UP.rank


def test_why_is_told() -> None:
    both = judge(measures(50, 3.0, 130.0), held(Level.KEEP), NOW)
    assert both.causes == {Cause.LATENCY, Cause.QUEUE}
    assert both.reasons == (
        "50 requests in the median minute: below 100",
        "5 % of the requests take 3 s or more",
        "a message has waited 130 s for a worker",
    )
    assert judge(measures(700), held(Level.KEEP), NOW).causes == {Cause.REQUESTS}


@pytest.mark.parametrize("border", [QUIET, BUSY, TOO_MUCH])
@given(data=st.data())
def test_what_moves_around_a_border_changes_the_level_once_at_most(
    border: int, data: st.DataObject
) -> None:
    """Within 9 % of it, for a day: after the first look, which may still come from elsewhere."""
    near = st.integers(border - border * 9 // 100, border + border * 9 // 100)
    rates = data.draw(st.lists(near, min_size=12, max_size=288))
    found = levels(run(map(measures, rates), held(level_of(measures(rates[0])))))
    assert sum(one is not two for one, two in itertools.pairwise(found)) <= 1


@given(st.lists(MEASURES, min_size=2, max_size=100), st.none() | st.sampled_from(Level))
def test_a_level_falls_only_after_half_an_hour(found: list[Measures], before: Level | None) -> None:
    verdicts = run(found, None if before is None else held(before))
    changed = NOW
    for one, two in itertools.pairwise(verdicts):
        if two.level.rank < one.level.rank:
            assert two.held.judged_at - changed >= CALM
        if two.level is not one.level:
            changed = two.held.judged_at


@given(st.integers(0, 3000), st.integers(0, 20_000), st.integers(0, MINUTES - 1))
def test_a_spike_or_a_gap_of_one_minute_changes_nothing(usual: int, other: int, at: int) -> None:
    minutes = [Minute(usual)] * MINUTES
    minutes[at] = Minute(other)
    before = held(level_of(measures(usual)))
    verdict = judge(measured(minutes, 0.0, 0), before, NOW)
    assert verdict.level is before.level and verdict.held.calm_since is None


def test_it_rises_at_once_and_falls_step_by_step() -> None:
    rates = [1500, 700, *[30] * 4, 700, *[30] * 9]
    found = levels(run(map(measures, rates), held(Level.KEEP)))
    assert found[:6] == [Level.EMERGENCY] * 6
    assert found[7] is Level.UP, "the most of the half hour, and not the last"
    assert found[-1] is Level.DOWN
    assert Level.KEEP not in found


def test_one_look_above_starts_the_half_hour_anew() -> None:
    rates = [600, *[100] * 5, 600, *[100] * 5]
    assert set(levels(run(map(measures, rates)))) == {Level.UP}


def test_a_time_in_which_nobody_looked_is_no_calm_one() -> None:
    first = judge(measures(10), held(Level.UP), NOW)
    assert first.held.calm_since == NOW
    later = NOW + GAP + EACH
    found = judge(measures(10), first.held, later)
    assert found.level is Level.UP and found.held.calm_since == later


def test_a_level_is_forgotten_after_half_an_hour_in_which_nobody_looked() -> None:
    """Else an app that was away for a night would begin with the emergency of the evening."""
    night = NOW + CALM + EACH
    assert judge(measures(10), held(Level.EMERGENCY), night).level is Level.KEEP
    assert judge(measures(700), held(Level.EMERGENCY), night).level is Level.UP


def test_a_clock_that_was_set_back_begins_anew() -> None:
    ahead = Held(level=Level.UP, since=NOW + CALM, judged_at=NOW + CALM, calm_since=NOW)
    found = judge(measures(10), ahead, NOW)
    assert found.level is Level.UP and found.held.calm_since == NOW


def test_the_first_look_lowers_nothing() -> None:
    assert levels(run([measures(0)])) == [Level.KEEP]
    assert levels(run([measures(0)] * 7))[-1] is Level.DOWN


def verdict(level: Level, *causes: Cause) -> Verdict:
    return Verdict(held=held(level), causes=frozenset(causes), reasons=("so",))


@given(
    st.sampled_from(Level),
    st.sets(st.sampled_from(Cause)),
    SCALES,
    BOUNDS_OF_ANY,
)
def test_what_is_set_stays_within_its_bounds(
    level: Level, causes: set[Cause], now_set: Scale, bounds: Bounds
) -> None:
    """Or is what was set already."""
    made = wanted(verdict(level, *causes), now_set, bounds)
    pairs = [
        (made.ready, now_set.ready, bounds.ready),
        (made.instances, now_set.instances, bounds.instances),
        (made.concurrency, now_set.concurrency, bounds.concurrency),
    ]
    for new, old, allowed in pairs:
        assert new == old or (new is not None and allowed.least <= new <= allowed.most)


@given(st.sets(st.sampled_from(Cause)), SCALES, BOUNDS_OF_ANY)
def test_a_higher_level_never_sets_less(causes: set[Cause], now_set: Scale, bounds: Bounds) -> None:
    made = [wanted(verdict(level, *causes), now_set, bounds) for level in Level]
    for less, more in itertools.pairwise(made):
        assert less.ready <= more.ready and less.instances <= more.instances


@given(st.sampled_from(Level), st.sets(st.sampled_from(Cause)), SCALES, BOUNDS_OF_ANY)
def test_what_was_set_is_not_set_again(
    level: Level, causes: set[Cause], now_set: Scale, bounds: Bounds
) -> None:
    made = wanted(verdict(level, *causes), now_set, bounds)
    assert wanted(verdict(level, *causes), made, bounds) == made


@pytest.mark.parametrize(
    ("level", "causes", "now_set", "made"),
    [
        (Level.DOWN, [], (2, 100, None), (0, 40, 16)),
        (Level.DOWN, [], (0, 20, 32), (0, 20, 32)),
        (Level.KEEP, [], (2, 100, None), (2, 100, None)),
        (Level.UP, [Cause.REQUESTS], (0, 40, None), (1, 40, None)),
        (Level.UP, [Cause.QUEUE], (0, 40, 16), (1, 100, 16)),
        (Level.UP, [Cause.LATENCY], (2, 40, 16), (2, 40, 8)),
        (Level.UP, [Cause.LATENCY], (1, 40, None), (1, 40, None)),
        (Level.EMERGENCY, [Cause.REQUESTS], (0, 40, None), (2, 100, None)),
        (Level.EMERGENCY, [Cause.REQUESTS], (5, 300, None), (5, 300, None)),
    ],
)
def test_what_is_set(
    level: Level,
    causes: list[Cause],
    now_set: tuple[int, int, int | None],
    made: tuple[int, int, int | None],
) -> None:
    assert wanted(verdict(level, *causes), scale(*now_set), BOUNDS) == scale(*made)


def scale(ready: int, instances: int, concurrency: int | None) -> Scale:
    return Scale(ready=ready, instances=instances, concurrency=concurrency)


def test_changes_are_far_apart_and_a_quarter_of_an_hour_in_an_emergency() -> None:
    last = NOW - timedelta(minutes=20)
    assert next_change(Level.UP, None, NOW) is None
    assert next_change(Level.UP, last, NOW) == last + BETWEEN
    assert next_change(Level.DOWN, last, NOW) == last + BETWEEN_DOWN
    assert next_change(Level.EMERGENCY, last, NOW) is None
    assert next_change(Level.EMERGENCY, NOW, NOW) == NOW + BETWEEN_URGENT
    assert next_change(Level.UP, NOW + BETWEEN, NOW) is None, "of a clock that was set back"
