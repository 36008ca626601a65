"""Hosts that are killed with full hands: what they had received is found, and runs.

A host keeps what it received hidden for ten minutes. So messages that it had not begun when it was
killed say nothing to anybody; the rows must be asked (`engine.sweep`). What it had begun is taken
over when its lease ends.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from local.azurite import Azurite
from shared.schedules.model import CatchUp, Policy
from tests.soak.conftest import Options
from tests.soak.noted import Attempt
from tests.soak.pace import MINUTE, SPEED
from tests.soak.stage import Stage, staged
from tests.soak.verdict import Rows

_HOSTS = 3
_SHORT, _LONG = 240, 120
"""Jobs of one second, in the two queues: more than may run, and some that wait in hand."""
_DUE = _SHORT + _LONG
_TAKES = 1.5
"""Seconds that a run takes."""
_DOWN = 1.0
"""Seconds from the kill to the restart."""
_PATIENCE = 45.0
_EACH = 300.0
"""Seconds of soak for which there is one kill."""
_POLICY = Policy(misfire_grace_seconds=3600, catch_up=CatchUp.LATEST, max_attempts=4)
_LASTING = replace(_POLICY, timeout_seconds=3600)


@dataclass(frozen=True, slots=True)
class Kill:
    """What was in hand at a kill, and when it had all begun or ended."""

    begun: int
    in_hand: int
    """Due, and not begun."""
    before: float
    """Starts a second, until the kill."""
    after: float
    """Starts a second, from the first after the restart to the last."""
    recovered: float | None
    """Seconds from the restart until all that was not begun had begun."""
    taken_over: float | None
    """Seconds from the restart until all that was begun had been taken over or had ended."""

    def __str__(self) -> str:
        return (
            f"{self.begun} had begun, {self.in_hand} were in hand; all of these began after "
            f"{_said(self.recovered)}, those were taken over after {_said(self.taken_over)}; "
            f"starts a second: {self.before:.0f} before, {self.after:.0f} after"
        )


@pytest.mark.soak
def test_what_full_hosts_had_in_hand_runs_within_a_minute(
    azurite: Azurite, tmp_path: Path, options: Options
) -> None:
    chance = random.Random(options.seed)
    with staged(azurite, tmp_path, options.break_engine, "full", _HOSTS) as stage:
        whole = _unharmed(stage)
        kills = [
            _kill(stage, number, whole * chance.uniform(0.2, 0.5))
            for number in range(1 + int(options.seconds / _EACH))
        ]
        stage.settles(lambda: not Rows.read(stage.calm).live(), _PATIENCE)
        rows, noted = Rows.read(stage.calm), stage.noted()
    bound = MINUTE + whole + stage.boot
    for kill in kills:
        print(
            f"\nfull hosts: {_SHORT} short jobs and {_LONG} long ones due at once, "
            f"{_HOSTS} hosts killed: {kill}"
        )
    print(
        f"full hosts: bound {bound:.1f} s: {MINUTE:.0f} s (a minute of the service), the "
        f"{whole:.1f} s that it took unharmed, {stage.boot:.1f} s in which hosts start"
    )
    for kill in kills:
        assert kill.in_hand > 30, f"too little was in hand to prove anything: {kill}"
        for seconds in (kill.recovered, kill.taken_over):
            assert seconds is not None, f"did not recover within {_PATIENCE:.0f} s: {kill}"
            assert seconds <= bound, f"recovered within {seconds * SPEED:.0f} s of service: {kill}"
    assert not rows.live(), "did not end"
    assert not noted.twice, "started twice"
    assert [one for one, count in noted.effects.items() if count > 1] == [], "done twice"
    assert list(rows.problems(noted)) == []


def _unharmed(stage: Stage) -> float:
    """Seconds in which all of a burst begin, if nothing happens."""
    jobs = _burst(stage, "whole")
    due = next(iter(jobs.values()))
    stage.until(due)
    assert stage.settles(lambda: len(_first(stage, jobs)) == _DUE, _PATIENCE), "did not begin"
    stage.until(stage.now + _TAKES)
    return max(stage.life(one.began) for one in _first(stage, jobs).values()) - due


def _burst(stage: Stage, name: str) -> dict[str, float]:
    """Jobs that are all due at once, short ones and long ones. They must all be there by then: a
    schedule that is made after its only time never runs."""
    at, seconds = stage.now + 6, _TAKES * stage.setup.factor
    short = stage.due(name, [at] * _SHORT, _POLICY, seconds=seconds)
    return short | stage.due(f"{name}long", [at] * _LONG, _LASTING, seconds=seconds)


def _kill(stage: Stage, number: int, after: float) -> Kill:
    """Kill all hosts so long after a burst came due."""
    jobs = _burst(stage, f"burst{number}x")
    due = next(iter(jobs.values()))
    stage.until(due + after)
    stage.hosts.kill_all()
    killed = stage.now
    begun = _first(stage, jobs)
    stage.until(killed + _DOWN)
    back = stage.now
    stage.hosts.start()
    waiting = set(jobs) - set(begun)
    left = {job for job, one in begun.items() if one.ended is None}
    stage.settles(lambda: not _stuck(stage, waiting, 1) and not _stuck(stage, left, 2), _PATIENCE)
    starts = _starts(stage, jobs, back)
    return Kill(
        begun=len(begun),
        in_hand=len(waiting),
        before=len(begun) / (killed - due),
        after=len(starts) / max(starts[-1] - starts[0], 1.0) if starts else 0.0,
        recovered=_until(stage, waiting, 1, back),
        taken_over=_until(stage, left, 2, back),
    )


def _first(stage: Stage, jobs: Mapping[str, float]) -> dict[str, Attempt]:
    """The first attempts of those that began."""
    return {job: one for (job, n), one in stage.noted().attempts.items() if n == 1 and job in jobs}


def _stuck(stage: Stage, jobs: set[str], attempt: int) -> set[str]:
    """Those that neither came to that attempt nor ended."""
    reached = {job for job, number in stage.noted().attempts if number >= attempt}
    left = jobs - reached
    return left - Rows.read(stage.calm).jobs.keys() if left else left


def _until(stage: Stage, jobs: set[str], attempt: int, back: float) -> float | None:
    """Seconds from `back` until the last came to that attempt, or to a later one if its worker was
    killed before its first step, or ended; None if one did not."""
    attempts, rows = stage.noted().attempts, Rows.read(stage.calm).jobs
    reached: list[float] = [back]
    for job in jobs:
        ended = rows[job].finished_at if job in rows else None
        numbers = range(attempt, _POLICY.max_attempts + 1)
        stamps = [attempts[job, number].began for number in numbers if (job, number) in attempts]
        stamps += [ended.timestamp()] if ended is not None else []
        if not stamps:
            return None
        reached.append(stage.life(min(stamps)))
    return max(reached) - back


def _starts(stage: Stage, jobs: Mapping[str, float], since: float) -> list[float]:
    """When attempts of the jobs began from then on, in order."""
    began = [stage.life(one.began) for one in stage.noted().attempts.values() if one.job in jobs]
    return sorted(at for at in began if at >= since)


def _said(seconds: float | None) -> str:
    if seconds is None:
        return f"more than {_PATIENCE:.0f} s"
    return f"{seconds:.1f} s ({seconds * SPEED:.0f} s of the service)"
