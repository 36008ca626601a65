"""The state machine, against one that looks at all results again each time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.probes.model import Change, Measured, Standing, State, Thresholds
from shared.probes.states import after

START = datetime(2026, 3, 1, tzinfo=UTC)
outcomes = st.lists(st.sampled_from([Standing.UP, Standing.DEGRADED, Standing.DOWN]), max_size=40)
thresholds = st.builds(Thresholds, down=st.integers(1, 4), up=st.integers(1, 4))


def run(found: list[Standing], wanted: Thresholds) -> tuple[list[State], list[Change]]:
    state, states, changes = State(), [], []
    for number, one in enumerate(found):
        at = START + timedelta(minutes=number)
        state, change = after(state, Measured(status=one, said=f"n{number}"), at, wanted)
        states.append(state)
        changes += [change] if change is not None else []
    return states, changes


def in_row(found: list[Standing], *which: Standing) -> int:
    """How many at the end are one of these."""
    count = 0
    for one in reversed(found):
        if one not in which:
            break
        count += 1
    return count


@given(outcomes, thresholds)
def test_down_takes_failures_in_a_row_and_up_takes_successes(
    found: list[Standing], wanted: Thresholds
) -> None:
    states, _ = run(found, wanted)
    before = Standing.UNKNOWN
    for number, state in enumerate(states):
        so_far = found[: number + 1]
        failing = in_row(so_far, Standing.DOWN)
        passing = in_row(so_far, Standing.UP, Standing.DEGRADED)
        if state.status is Standing.DOWN and before is not Standing.DOWN:
            assert failing == wanted.down
        if failing >= wanted.down:
            assert state.status is Standing.DOWN
        if before is Standing.DOWN and state.status is not Standing.DOWN:
            assert passing == wanted.up
        if state.status is Standing.DEGRADED and before is not Standing.DEGRADED:
            assert in_row(so_far, Standing.DEGRADED) >= wanted.down
        before = state.status


@given(outcomes, thresholds)
def test_events_are_the_changes_of_the_status_and_lead_from_one_to_the_next(
    found: list[Standing], wanted: Thresholds
) -> None:
    states, changes = run(found, wanted)
    assert all(one.before is not one.after for one in changes)
    for one, two in pairwise(changes):
        assert one.after is two.before and one.at < two.at
    told = changes[-1].after if changes else None
    ends = states[-1].status if states else Standing.UNKNOWN
    assert ends == told or (told is None and ends in (Standing.UP, Standing.UNKNOWN))
    for state in states:
        assert (state.since is None) == (state.status is Standing.UNKNOWN)


@given(outcomes)
def test_without_thresholds_the_status_is_the_last_result(found: list[Standing]) -> None:
    states, _ = run(found, Thresholds())
    assert [one.status for one in states] == found


def test_one_lost_packet_wakes_nobody_and_one_good_answer_ends_no_outage() -> None:
    up, down = Standing.UP, Standing.DOWN
    wanted = Thresholds(down=3, up=2)
    states, changes = run([up, down, down, up, down, down, down, up, down, up, up], wanted)
    assert [one.after for one in changes] == [down, up]
    assert [one.said for one in changes] == ["n6", "n10"]
    assert states[8].status is down and states[9].status is down
