"""Runs of workflows, while hosts are killed a hundred times, between their steps and within them.

Three hosts share the work. Each run has thirty steps: chains, a fan, a `foreach`, waits, an event;
half of them fail at the end, and what they did is undone. However often hosts are killed, each run
ends as it would without, each step has one job that ended, and no step that had ended is repeated.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from local.azurite import Azurite
from shared.app import App
from shared.schedules.job import Status, parse_id, run_of
from shared.workflows.model import Call, Definition, Step
from shared.workflows.names import place_of
from shared.workflows.reading import Read, read
from shared.workflows.service import Asked
from shared.workflows.state import Run, RunStatus, StepStatus
from tests.soak.conftest import Options
from tests.soak.stage import Stage, staged

RUNS = 8
KILLS = 100
_HOSTS = 3
_BETWEEN = 0.45
"""Seconds from one kill to the next."""
_PATIENCE = 90.0
"""Seconds in which all is over after the last kill."""


def definition(*, fails: bool) -> Read:
    """Thirty steps."""
    quick = {"task": "quick", "retry": {"attempts": 20}}
    steps: list[dict[str, object]] = [{"id": "s0", **quick}]
    undo = {"compensate": {"task": "quick"}}

    def add(needs: Sequence[str], **how: object) -> str:
        step_id = f"s{len(steps)}"
        steps.append({"id": step_id, "needs": list(needs), **(quick | how)})
        return step_id

    last = "s0"
    for _ in range(5):
        last = add([last], **undo)
    last = _waiting(steps, last, {"seconds": 30})
    last = add([last], foreach="[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]", max_parallel=3, **undo)
    for _ in range(4):
        last = add([last])
    last = _waiting(steps, last, {"event": "go", "timeout_seconds": 86_400})
    fan = [add([last], **undo) for _ in range(8)]
    last = add(fan)
    last = _waiting(steps, last, {"seconds": 60})
    while len(steps) < 29:
        last = add([last])
    end: dict[str, object] = {"task": "refused", "on_error": "compensate"} if fails else {}
    add([last], **end)
    assert len(steps) == 30
    return read({"name": "thirty", "steps": steps})


def _waiting(steps: list[dict[str, object]], needs: str, wait: dict[str, object]) -> str:
    step_id = f"s{len(steps)}"
    steps.append({"id": step_id, "needs": [needs], "wait": wait})
    return step_id


@pytest.mark.soak
def test_runs_end_as_they_would_without_kills(
    azurite: Azurite, tmp_path: Path, options: Options
) -> None:
    chance = random.Random(options.seed)
    with staged(azurite, tmp_path, options.break_engine, "flows", _HOSTS) as stage:
        runs = [_start(stage.calm, number) for number in range(RUNS)]
        for kill in range(KILLS):
            stage.until(stage.now + _BETWEEN * chance.uniform(0.5, 1.5))
            stage.hosts.kill(chance.randrange(_HOSTS))
            stage.hosts.start()
            if kill == KILLS // 3:
                _send_all(stage.calm, runs)
        stage.settles(lambda: not any(one.is_open for one in _now(stage.calm, runs)), _PATIENCE)
        ended = _now(stage.calm, runs)
        done = _jobs(stage.calm, ended)
        effects = _effects(stage)
    print(
        f"\nworkflows: {RUNS} runs of 30 steps, {stage.hosts.kills} kills of {_HOSTS} hosts; "
        f"{sum(done.values())} jobs, {sum(effects.values())} effects"
    )
    for number, run in enumerate(ended):
        _hold(run, fails=number % 2 == 1)
    assert set(done.values()) == {1}, "a step has two jobs that ended"
    assert not (tmp_path / "crashes").exists(), (tmp_path / "crashes").read_text()
    missing = [one for one in done if not effects[one] and _does(one)]
    assert not missing, f"no effect of {missing[:5]}"


def _start(app: App, number: int) -> Run:
    made = definition(fails=number % 2 == 1)
    wanted = Asked(
        workflow_id="thirty",
        name="thirty",
        project_id=None,
        definition=made.definition,
        text=made.text,
    )
    return app.workflow_runs().start(wanted, {}, key=f"run {number}")


def _send_all(app: App, runs: Sequence[Run]) -> None:
    """The event that they wait for, twice to each."""
    for run in runs:
        for _ in range(2):
            app.workflow_runs().send(run.id, "go", {}, key="once")


def _now(app: App, runs: Sequence[Run]) -> list[Run]:
    return [app.workflow_runs().get(run.id) for run in runs]


def _jobs(app: App, runs: Sequence[Run]) -> Counter[str]:
    """How many jobs ended of each schedule of these runs' steps."""
    known = {run.id for run in runs}
    found = (job for job in app.table.jobs() if run_of(job.schedule_id) in known)
    return Counter(
        job.schedule_id for job in found if job.status in (Status.SUCCEEDED, Status.FAILED)
    )


def _effects(stage: Stage) -> Counter[str]:
    """How often each step had its effect."""
    return Counter(parse_id(one)[0] for one in stage.noted().effects)


def _does(schedule_id: str) -> bool:
    """Whether a step leaves a trace: waits do not, nor does what fails."""
    place = place_of(schedule_id)
    silent = {"workflow_wait", "workflow_event"}
    steps = definition(fails=True).definition.steps
    task = steps[place.number].call.task if place is not None else ""
    return place is not None and task not in silent and (place.undo or place.number != 29)


def _hold(run: Run, *, fails: bool) -> None:
    assert run.status is (RunStatus.FAILED if fails else RunStatus.SUCCEEDED), run
    made = definition(fails=fails).definition
    for step in made.steps:
        state = run.steps[step.id]
        _hold_step(made, step, state.status, fails=fails)
        if fails and step.compensate is not None:
            assert state.undo is not None and not state.undo.failed
            assert state.undo.succeeded == (10 if step.foreach else 1)


def _hold_step(made: Definition, step: Step, status: StepStatus, *, fails: bool) -> None:
    last = step.number == len(made.steps) - 1
    expected = StepStatus.FAILED if fails and last else StepStatus.SUCCEEDED
    assert status is expected, step.id
    assert isinstance(step.call, Call)
