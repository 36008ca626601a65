"""What holds of every next run, whatever the expression, the zone and the instant."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.recurrence import Frequency, InvalidRecurrence, Recurrence, next_run, occurrences
from shared.recurrence import zone as zones
from tests.unit.recurrence.reference import MINUTE, Match, expected, shown
from tests.unit.recurrence.strategies import (
    ZONES,
    expressions,
    instants,
    near_changes,
    special_expressions,
)

WINDOW = timedelta(hours=30)


def rule(expression: str, zone: str, **window: datetime | None) -> Recurrence:
    """As it is read from a row, which may have any step."""
    try:
        return Recurrence(
            frequency=Frequency.CRON,
            cron_expression=expression,
            timezone=zone,
            start_time=window.get("start_time"),
            end_time=window.get("end_time"),
            stored=True,
        )
    except InvalidRecurrence as error:
        assume("never occurs" not in error.message)
        raise


@settings(max_examples=400, deadline=None)
@given(expressions() | special_expressions(), near_changes())
def test_the_runs_are_those_of_the_definition(expression: str, near: tuple[str, datetime]) -> None:
    """None is missing and none is added, minute by minute."""
    zone, after = near
    until = after + WINDOW
    plain = expression.replace("*/1 ", "* ")  # the one place where we do not follow croniter
    assume(not expression.endswith("*/1") and ",*" not in plain)
    # A list that begins with a step of `*`: what croniter makes of it no longer says that it did.
    assume(not re.search(r"\*/\d+,", expression))
    minutes = shown(ZoneInfo(zone), after, until)
    ours = list(occurrences(rule(plain, zone), after, until))
    assert ours == expected(Match(plain), minutes)


@settings(max_examples=400, deadline=None)
@given(
    expressions() | special_expressions(),
    near_changes() | st.tuples(st.sampled_from(ZONES), instants()),
)
def test_later_in_utc_in_whole_seconds_and_again(
    expression: str, near: tuple[str, datetime]
) -> None:
    zone, after = near
    each = rule(expression, zone)
    found = next_run(each, after)
    assert found is not None
    assert found > after
    assert found.tzinfo is UTC
    assert found.microsecond == 0
    assert next_run(each, after) == found


@settings(max_examples=300, deadline=None)
@given(expressions(), near_changes(), st.integers(0, 5 * 3600))
def test_a_later_question_never_gets_an_earlier_answer(
    expression: str, near: tuple[str, datetime], seconds: int
) -> None:
    """Monotone; and between a question and its answer, the answer stays."""
    zone, after = near
    each = rule(expression, zone)
    first = next_run(each, after)
    later = after + timedelta(seconds=seconds)
    second = next_run(each, later)
    assert first is not None
    assert second is not None
    assert second >= first
    if later < first:
        assert second == first
        assert next_run(each, first - timedelta.resolution) == first


@settings(max_examples=200, deadline=None)
@given(expressions(), near_changes(), st.integers(1, 86400), st.integers(1, 86400))
def test_a_window_cuts_and_changes_nothing_else(
    expression: str, near: tuple[str, datetime], wait: int, length: int
) -> None:
    zone, after = near
    start = after + timedelta(seconds=wait)
    end = start + timedelta(seconds=length)
    until = end + WINDOW
    within = list(occurrences(rule(expression, zone, start_time=start, end_time=end), after, until))
    everything = occurrences(rule(expression, zone), after, until)
    assert within == [each for each in everything if start <= each <= end]


@settings(max_examples=200, deadline=None)
@given(expressions(), near_changes(), st.integers(1, 86400))
def test_occurrences_of_two_halves_are_those_of_the_whole(
    expression: str, near: tuple[str, datetime], seconds: int
) -> None:
    zone, after = near
    middle, until = after + timedelta(seconds=seconds), after + WINDOW
    each = rule(expression, zone)
    halves = [*occurrences(each, after, middle), *occurrences(each, middle, until)]
    assert halves == list(occurrences(each, after, until))
    assert halves == sorted(set(halves))


@given(st.integers(1, 10**7), instants(), instants())
def test_an_interval_is_met_at_every_multiple(
    seconds: int, start: datetime, after: datetime
) -> None:
    each = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=seconds, start_time=start)
    found = next_run(each, after)
    assert found is not None
    assert found > after
    assert found >= start
    assert (found - start) % timedelta(seconds=seconds) == timedelta(0)
    earlier = found - timedelta(seconds=seconds)
    assert earlier <= after or earlier < start


@settings(max_examples=500, deadline=None)
@given(near_changes())
def test_wall_time_and_back(near: tuple[str, datetime]) -> None:
    """An instant is among the instants that show its wall time, and they all show it."""
    name, at = near
    zone = ZoneInfo(name)
    wall = zones.wall_of(at, zone).replace(fold=0)
    found = zones.instants(wall, zone)
    assert at in found
    assert list(found) == sorted(found)
    assert all(zones.wall_of(each, zone).replace(fold=0) == wall for each in found)
    assert zones.first_instant(wall, zone) == found[0]


@settings(max_examples=500, deadline=None)
@given(near_changes(), st.integers(-240, 240), st.integers(0, 240))
def test_a_later_wall_time_is_never_first_shown_earlier(
    near: tuple[str, datetime], minutes: int, more: int
) -> None:
    """What the walk rests on (docs/recurrence.md): `first_instant` never goes back."""
    name, at = near
    zone = ZoneInfo(name)
    wall = zones.wall_of(at, zone).replace(fold=0, second=0) + minutes * MINUTE
    assert zones.first_instant(wall, zone) <= zones.first_instant(wall + more * MINUTE, zone)
