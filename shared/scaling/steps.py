"""(The state before, the measures, what was read at the app, now) -> the state now, and in it the
change that is to be made, if one is. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.scaling.measures import Measures
from shared.scaling.policy import Bounds, Level, Scale, judge, next_change, usual, wanted
from shared.scaling.state import Change, ChangeOutcome, State

SETTLES = timedelta(minutes=10)
"""For so long a change that was sent may not show yet; and a change by somebody else, such as a
deployment, may still be going on."""
_MAKES = timedelta(minutes=2)
"""A run that makes a change is done with it, or killed."""
_OPEN = (ChangeOutcome.PENDING, ChangeOutcome.SENT, ChangeOutcome.POSTPONED)
"""It is not known for good what becomes of these."""
_COUNTS = tuple(one for one in ChangeOutcome if one is not ChangeOutcome.POSTPONED)
"""Changes after which the next one waits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What a run knows of the app."""

    scale: Scale | None = None
    """What is set; None if nobody asked, or there was no answer."""
    changed_at: datetime | None = None
    """When anybody changed the app last."""
    problem: str | None = None
    """Why there was no answer."""
    wait_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say."""

    bounds: Bounds
    apply: bool
    """Whether changes are made; otherwise they are only recommended."""


def step(
    before: State | None,
    measures: Measures,
    seen: Seen,
    rules: Rules,
    now: datetime,
    job_id: str,
) -> State:
    """The state after a run. If a change is to be made, it is the newest one, and pending
    (`to_make`)."""
    verdict = judge(measures, None if before is None else before.verdict.held, now)
    now_set = seen.scale or usual(rules.bounds)
    should = wanted(verdict, now_set, rules.bounds)
    state = State(
        verdict=verdict,
        measures=measures,
        now_set=seen.scale,
        wanted=None if should == now_set else should,
        wait_until=seen.wait_until or (before.wait_until if before else None),
        changes=settled(before.changes if before else (), seen, now),
    )
    if state.wanted is None:
        return replace(state, held_back=seen.problem)
    why = _held_back(state, seen, rules, now)
    if why is not None:
        return replace(state, held_back=why)
    return state.with_change(
        Change(
            at=now,
            job_id=job_id,
            level=verdict.level,
            before=now_set,
            after=state.wanted,
            outcome=ChangeOutcome.PENDING,
        )
    )


def to_make(before: State | None, after: State) -> Change | None:
    """The change that the run which made this step is to make: the one that was not there."""
    newest = after.changes[0] if after.changes else None
    if newest is None or newest.outcome is not ChangeOutcome.PENDING:
        return None
    return newest if before is None or newest not in before.changes else None


def settled(changes: Sequence[Change], seen: Seen, now: datetime) -> tuple[Change, ...]:
    """The changes, and what is known by now of the newest one, whose run may have been killed by
    the restart that it caused."""
    if not changes or changes[0].outcome not in _OPEN:
        return tuple(changes)
    newest, waited = changes[0], now - changes[0].at
    if newest.outcome is ChangeOutcome.PENDING and waited < _MAKES:
        return tuple(changes)
    if seen.scale == newest.after:
        newest = replace(newest, outcome=ChangeOutcome.APPLIED, error=None)
    elif waited >= SETTLES and newest.outcome is ChangeOutcome.SENT:
        error = "Azure accepted it, but the app does not show it"
        newest = replace(newest, outcome=ChangeOutcome.REFUSED, error=error)
    elif waited >= SETTLES and newest.outcome is ChangeOutcome.PENDING:
        error = "its run was killed"
        newest = replace(newest, outcome=ChangeOutcome.POSTPONED, error=error)
    return (newest, *changes[1:])


def _held_back(state: State, seen: Seen, rules: Rules, now: datetime) -> str | None:
    """Why the change is not made now; None: it is made."""
    if seen.problem is not None:
        return seen.problem
    if not rules.apply:
        return "SCALING is recommend"
    if state.wait_until is not None and now < state.wait_until:
        return f"Azure asked to wait until {state.wait_until:%H:%M} UTC"
    if seen.changed_at is not None and timedelta() <= now - seen.changed_at < SETTLES:
        return f"somebody changed the app at {seen.changed_at:%H:%M} UTC, such as a deployment"
    return _waits(state, now)


def _waits(state: State, now: datetime) -> str | None:
    """Why the last change keeps the next one from being made, if it does. An emergency need not
    wait for what was none."""
    last = next((one for one in state.changes if one.outcome in _COUNTS), None)
    if last is None:
        return None
    level, refused = state.verdict.level, last.outcome is ChangeOutcome.REFUSED
    open_ = last.outcome in (ChangeOutcome.PENDING, ChangeOutcome.SENT)
    if level is Level.EMERGENCY is not last.level and not open_:
        return None
    # what was refused would be refused again, however urgent it is
    until = next_change(Level.UP if refused else level, last.at, now)
    if until is None:
        return None
    if refused:
        return f"{last.error}; it is tried again at {until:%H:%M} UTC"
    return f"each change may restart the app, so the next is made at {until:%H:%M} UTC"
