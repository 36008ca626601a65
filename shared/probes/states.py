"""The status of a target as a state machine: (state, result) -> (state, event). Pure.

A target is down after `down` results in a row that found it so, and degraded after as many slow
ones; it is up again after `up` good ones. What comes in between changes nothing, so one lost packet
wakes nobody, and one good answer ends no outage.
"""

from __future__ import annotations

from datetime import datetime

from shared.probes.model import Change, Measured, Standing, State, Thresholds


def after(
    state: State, measured: Measured, at: datetime, thresholds: Thresholds
) -> tuple[State, Change | None]:
    """The state after one more result, and what people may want to know of it."""
    counted = _counted(state, measured.status)
    status = _status(counted, thresholds)
    if status is state.status:
        return _with(counted, status, state.since), None
    change = Change(at=at, before=state.status, after=status, said=measured.said)
    first_and_well = state.status is Standing.UNKNOWN and status is Standing.UP
    return _with(counted, status, at), None if first_and_well else change


def _counted(state: State, found: Standing) -> State:
    down, slow = found is Standing.DOWN, found is Standing.DEGRADED
    return State(
        status=state.status,
        since=state.since,
        failing=state.failing + 1 if down else 0,
        passing=0 if down else state.passing + 1,
        slow=state.slow + 1 if slow else 0,
        quick=0 if down or slow else state.quick + 1,
    )


def _status(state: State, wanted: Thresholds) -> Standing:
    if state.failing >= wanted.down:
        return Standing.DOWN
    if state.failing or (state.status is Standing.DOWN and state.passing < wanted.up):
        return state.status
    if state.slow >= wanted.down:
        return Standing.DEGRADED
    if state.status is Standing.DEGRADED and state.quick < wanted.up:
        return state.status
    return Standing.UP


def _with(state: State, status: Standing, since: datetime | None) -> State:
    return State(
        status=status,
        since=since,
        failing=state.failing,
        passing=state.passing,
        slow=state.slow,
        quick=state.quick,
    )
