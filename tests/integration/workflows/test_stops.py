"""Cancels, deadlines and failures: what becomes of steps that run, wait, or wait for runs below."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from shared.engine.commands.jobs import Control
from shared.errors import Conflict, Held, Skipped
from shared.schedules.health import Verdict
from shared.schedules.job import Status
from shared.workflows.model import Call, OnError
from shared.workflows.names import run_id
from shared.workflows.state import Run, RunStatus
from tests.integration.workflows.conftest import Flows, step

_LONG = 30 * 86_400
_WAIT = {"seconds": _LONG}


def control(flows: Flows) -> Control:
    return flows.runs.advancing.control


def statuses(run: Run) -> dict[str, str]:
    return {step_id: state.status.value for step_id, state in run.steps.items()}


def test_a_cancel_ends_what_waits_and_undoes_what_was_done(flows: Flows) -> None:
    run = flows.start(
        step(0, "a", compensate=Call("work", {"name": "undo a"})),
        step(1, "wait", "workflow_wait", parameters=_WAIT),
        step(2, "event", "workflow_event", parameters={"name": "come"}),
        step(3, "b", needs=("wait",)),
    )
    flows.work()
    flows.runs.cancel(run.id, "enough")
    assert flows.run(run).status is RunStatus.COMPENSATING
    flows.runs.cancel(run.id, "again")  # it goes on undoing
    flows.work()
    ended = flows.run(run)
    assert (ended.status, ended.reason) == (RunStatus.CANCELLED, "enough")
    assert flows.calls.names == ["a", "undo a"]
    assert statuses(ended) == {"a": "succeeded", "wait": "cancelled", "event": "cancelled"} | {
        "b": "cancelled"
    }
    with pytest.raises(Conflict, match="ended"):
        flows.runs.cancel(run.id, "once more")
    with pytest.raises(Conflict, match="ended"):
        flows.runs.send(run.id, "come", {}, key="k")


def test_a_deadline_stops_a_step_that_runs(flows: Flows) -> None:
    run = flows.start(step(0, "a"), step(1, "b", needs=("a",)), deadline_seconds=60)
    flows.engine.later(61)
    flows.heal(run)
    ended = flows.run(run)
    assert (ended.status, ended.reason) == (RunStatus.CANCELLED, "its deadline passed")
    assert "b" not in flows.calls.names
    assert not flows.left(run)


def test_a_step_that_failed_lets_the_run_go_on_if_it_says_so(flows: Flows) -> None:
    run = flows.start(
        step(0, "a", parameters={"fail": True}, on_error=OnError.CONTINUE),
        step(1, "b", needs=("a",)),
        step(2, "c", needs=("a",), when="steps.a.status == 'failed'"),
        step(3, "wrong", parameters={"unknown": "${{ 1 + 1 }}"}, on_error=OnError.CONTINUE),
        step(4, "nothing", parameters={"value": "${{ trigger.x }}"}, on_error=OnError.CONTINUE),
    )
    flows.work()
    ended = flows.run(run)
    assert ended.status is RunStatus.SUCCEEDED
    assert statuses(ended) == {"a": "failed", "b": "not_run", "c": "succeeded"} | {
        "wrong": "failed",
        "nothing": "failed",
    }
    assert "unknown" in ended.steps["wrong"].error
    assert "x" in ended.steps["nothing"].error


def test_a_rejected_step_fails_and_an_approved_one_waited_for_it(
    flows: Flows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(schedule: Any, live: Any, task: Any, params: Any) -> None:
        if params.name == "no":
            raise Skipped("approval_rejected: too dear")
        if not flows.calls.mended:
            raise Held(flows.engine.clock.now() + timedelta(days=1), "a person must approve it")

    monkeypatch.setattr("shared.engine.work.execute.is_asked_for", lambda *_: True)
    monkeypatch.setattr(flows.engine.app.executor, "_gate", SimpleNamespace(ask=ask))
    run = flows.start(step(0, "no", on_error=OnError.CONTINUE), step(1, "yes"))
    flows.work()
    assert statuses(flows.run(run)) == {"no": "failed", "yes": "running"}
    assert "too dear" in flows.run(run).steps["no"].error
    flows.calls.mended = True
    flows.runs.advancing.waking.wake(flows.live(f"{run.id}_s1").id)
    flows.work()
    assert flows.run(run).status is RunStatus.SUCCEEDED
    assert flows.calls.names == ["yes"]


def _below(flows: Flows, *steps: Any) -> tuple[Run, Callable[[], Run]]:
    """(a run that waits for one below, what reads that)"""
    child = flows.define(*steps)
    run = flows.start(step(0, "below", "workflow", parameters={"workflow_id": child.digest}))
    flows.work()
    flows.work()  # a step that is held ends no job
    job_id = flows.live(f"{run.id}_s0").id if flows.run(run).is_open else ""
    return run, lambda: flows.run(run_id(job_id))


def test_a_run_below_ends_with_the_one_above(flows: Flows) -> None:
    waits = step(0, "wait", "workflow_wait", parameters=_WAIT)
    failed, _ = _below(flows, step(0, "a", parameters={"fail": True}))
    assert flows.run(failed).status is RunStatus.FAILED
    assert "no a" in flows.run(failed).reason

    above, below = _below(flows, waits)
    flows.runs.cancel(above.id, "enough")
    flows.work()
    assert {flows.run(above).status, below().status} == {RunStatus.CANCELLED}

    above, below = _below(flows, waits)
    flows.runs.cancel(below().id, "enough")
    flows.work()
    assert below().status is RunStatus.CANCELLED
    assert flows.run(above).status is RunStatus.FAILED
    assert "enough" in flows.run(above).reason

    above, below = _below(flows, waits)
    control(flows).cancel(flows.live(f"{above.id}_s0").id, "a person")
    flows.work()
    assert below().status is RunStatus.CANCELLED, "nobody waits for it any more"
    assert flows.run(above).status is RunStatus.FAILED


def test_workflows_run_each_other_only_so_deep(flows: Flows) -> None:
    inner = flows.define(step(0, "a"))
    for _ in range(7):
        inner = flows.define(step(0, "below", "workflow", parameters={"workflow_id": inner.digest}))
    run = flows.begin(inner, "deep")
    for _ in range(8):
        flows.work()
    ended = flows.run(run)
    assert ended.status is RunStatus.FAILED
    assert "workflows run workflows 6 deep" in ended.reason
    assert not flows.calls.names


def test_a_step_is_changed_by_its_run_alone(flows: Flows) -> None:
    run = flows.start(
        step(0, "a", parameters={"fail": True}, on_error=OnError.CONTINUE),
        step(1, "wait", "workflow_wait", parameters=_WAIT),
    )
    flows.work()
    manager, (failed,) = flows.engine.app.manager, flows.ends(f"{run.id}_s0")
    assert failed.status is Status.FAILED
    step_id, wait_id = f"{run.id}_s0", f"{run.id}_s1"
    for refused in (
        lambda: control(flows).retry(failed.id),
        lambda: control(flows).retry_failed(step_id),
        lambda: manager.change(wait_id, lambda one: one),
        lambda: manager.enable(wait_id, True),
        lambda: manager.delete(wait_id),
        lambda: manager.run_now(wait_id, force=True),
        lambda: manager.run_now(wait_id, force=False),
        lambda: manager.create(
            manager.get(wait_id).definition, manager.get(wait_id).policy, schedule_id=f"{run.id}_x"
        ),
    ):
        with pytest.raises(Conflict, match=f"step of the workflow's run {run.id}; cancel"):
            refused()
    control(flows).cancel(flows.live(wait_id).id, "a person")
    flows.work()
    ended = flows.run(run)
    assert (ended.status, ended.reason) == (RunStatus.FAILED, "step wait failed: a person")
    assert statuses(ended) == {"a": "failed", "wait": "failed"}


def test_schedules_of_steps_are_in_no_list(flows: Flows) -> None:
    shown = flows.engine.add(project_id=1)
    run = flows.start(
        step(0, "a", parameters={"fail": True}, on_error=OnError.CONTINUE),
        step(1, "wait", "workflow_wait", parameters=_WAIT),
        deadline_seconds=_LONG,
    )
    flows.work()
    app = flows.engine.app
    assert sorted(flows.left(run)) == [f"{run.id}_d", f"{run.id}_s1"]
    flows.engine.later(90)
    assert [one.id for one in app.lists.all()] == [shown.id]
    assert app.lists.of_project(1, 10)[0] == 1
    assert {one.id for one in app.lists.due(flows.engine.clock.now(), 9)} <= {shown.id}
    made = app.ledger.reconcile(lambda: None)
    assert made.good, str(made)
    for schedule_id in (f"{run.id}_s0", f"{run.id}_d"):
        found = app.table.get(schedule_id)
        assert found is not None
        assert app.health.examine(found, flows.engine.clock.now()).verdict is Verdict.OFF
