"""A run, from its start to its end, on real Azurite."""

from __future__ import annotations

import pytest

from shared.errors import Conflict
from shared.storage.queues.jobs import Message
from shared.workflows.model import Call, OnError
from shared.workflows.names import deadline_id
from shared.workflows.state import Run, RunStatus, StepStatus
from tests.integration.workflows.conftest import Flows, step


def test_steps_run_in_the_order_of_their_needs_and_see_results(flows: Flows) -> None:
    run = flows.start(
        step(0, "first", parameters={"value": "${{ run.workflow_id }}"}),
        step(1, "left", needs=("first",), parameters={"value": "${{ steps.first.result.value }}"}),
        step(2, "right", needs=("first",)),
        step(3, "last", needs=("left", "right"), when="steps.left.result.value == 'test'"),
        step(4, "never", needs=("left",), when="steps.left.status == 'failed'"),
        step(5, "after", needs=("never",)),
    )
    flows.work()
    run = flows.run(run)
    assert run.status is RunStatus.SUCCEEDED, run
    assert flows.calls.names[0] == "first" and flows.calls.names[-1] == "last"
    assert run.steps["after"].status is StepStatus.SKIPPED
    assert flows.calls.most == 1


def test_items_run_beside_each_other_and_are_counted(flows: Flows) -> None:
    run = flows.start(
        step(
            0,
            "each",
            foreach="[0, 1, 2, 3, 4, 5, 6]",
            max_parallel=2,
            parameters={"name": "item ${{ item }} ${{ index }}"},
        ),
        step(1, "after", needs=("each",), parameters={"value": "${{ steps.each.result }}"}),
    )
    flows.work()
    run = flows.run(run)
    assert run.status is RunStatus.SUCCEEDED, run
    assert sorted(flows.calls.names[:7]) == [f"item {one} {one}" for one in range(7)]
    (job,) = flows.runs.advancing.jobs.table.jobs(f"{run.id}_s1")
    assert job.result is not None
    assert job.result["value"] == {"total": 7, "succeeded": 7, "failed": 0}


def test_what_was_done_is_undone_in_reverse(flows: Flows) -> None:
    run = flows.start(
        step(0, "a", compensate=Call("work", {"name": "undo a"})),
        step(1, "b", needs=("a",), compensate=Call("work", {"name": "undo b"})),
        step(
            2,
            "c",
            needs=("b",),
            parameters={"fail": True},
            on_error=OnError.COMPENSATE,
            compensate=Call("work", {"name": "undo c"}),
        ),
        step(3, "d", needs=("c",), compensate=Call("work", {"name": "undo d"})),
    )
    flows.work()
    run = flows.run(run)
    assert run.status is RunStatus.FAILED, run
    assert "no c" in run.reason
    assert flows.calls.names == ["a", "b", "c", "undo c", "undo b", "undo a"]
    assert run.steps["d"].status is StepStatus.NOT_RUN


def test_it_waits_and_a_deadline_ends_it(flows: Flows) -> None:
    run = flows.start(
        step(0, "wait", "workflow_wait", parameters={"seconds": 3600}),
        step(1, "after", needs=("wait",)),
        deadline_seconds=1800,
    )
    flows.work()
    assert flows.run(run).status is RunStatus.RUNNING
    flows.engine.later(1801)
    flows.engine.app.worker.work(Message((_deadline(flows, run),), flows.engine.clock.now()))
    flows.work()
    ended = flows.run(run)
    assert ended.status is RunStatus.CANCELLED, ended
    assert ended.steps["wait"].status is StepStatus.CANCELLED
    assert not flows.calls.names


def test_a_failed_run_goes_on_where_it_failed(flows: Flows) -> None:
    run = flows.start(
        step(0, "a"),
        step(
            1,
            "each",
            needs=("a",),
            foreach="[0, 1, 2]",
            max_parallel=1,
            parameters={"name": "item ${{ item }}", "fail": "${{ item == 1 }}"},
        ),
        step(2, "b", needs=("each",)),
    )
    flows.work()
    assert flows.run(run).status is RunStatus.FAILED
    assert flows.calls.names == ["a", "item 0", "item 1"]
    flows.calls.mended = True
    flows.runs.redo(run.id)
    flows.work()
    ended = flows.run(run)
    assert ended.status is RunStatus.SUCCEEDED, ended
    assert flows.calls.names[3:] == ["item 1", "item 2", "b"]
    with pytest.raises(Conflict, match="succeeded"):
        flows.runs.redo(run.id)


def _deadline(flows: Flows, run: Run) -> str:
    (live,) = flows.runs.advancing.table.many([deadline_id(run.id)])[
        deadline_id(run.id)
    ].progress.live
    return live.id
