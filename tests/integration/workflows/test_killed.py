"""A process is killed at each of its writes to a run. Another goes on by the engine's own ways
(messages, the sweep, the packing of jobs that ended), and the end is the same as without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import pytest

from local.azurite import Azurite
from shared.workflows.model import Call, Definition, OnError
from shared.workflows.state import Run, RunStatus
from tests.dying import Dying, Killed
from tests.integration.workflows.conftest import Flows, opened, step

_LONG = 30 * 86_400
Do = Callable[[Flows, Run], object]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a process is killed at: `before` leads there, `do` is done by the one that dies."""

    define: Callable[[Flows], Definition]
    before: Do = lambda *_: None
    do: Do = lambda flows, _: flows.work()
    after: Do = lambda *_: None
    """What people do once more who got no answer."""
    status: RunStatus = RunStatus.SUCCEEDED
    names: Mapping[str, int]
    """What is done, and how often without a kill."""
    least: int
    """So many writes it makes at least."""
    every: int = 1
    """Killed at each so manieth write."""


def _waiting(flows: Flows) -> Definition:
    return flows.define(
        step(0, "a", compensate=Call("work", {"name": "undo a"})),
        step(1, "wait", "workflow_wait", needs=("a",), parameters={"seconds": _LONG}),
        step(2, "more", "workflow_event", needs=("a",), parameters={"name": "never"}),
        deadline_seconds=_LONG,
    )


def _failing(flows: Flows) -> Definition:
    return flows.define(
        step(0, "a", compensate=Call("work", {"name": "undo a"})),
        step(1, "wait", "workflow_wait", parameters={"seconds": _LONG}),
        step(2, "b", needs=("a",), parameters={"fail": True}, on_error=OnError.COMPENSATE),
    )


def _redone(flows: Flows) -> Definition:
    return flows.define(
        step(0, "a", parameters={"fail": True}),
        step(1, "b", needs=("a",)),
        deadline_seconds=_LONG,
    )


def _event(flows: Flows) -> Definition:
    waits = {"name": "come", "timeout_seconds": _LONG}
    return flows.define(
        step(0, "event", "workflow_event", parameters=waits),
        step(1, "b", needs=("event",), parameters={"name": "${{ steps.event.result.data.x }}"}),
    )


def _parent(flows: Flows) -> Definition:
    child = flows.define(step(0, "child"))
    return flows.define(
        step(0, "below", "workflow", parameters={"workflow_id": child.digest}),
        step(1, "b", needs=("below",)),
        deadline_seconds=_LONG,
    )


def _fan(flows: Flows) -> Definition:
    items = {"name": "item ${{ item }}"}
    return flows.define(
        step(0, "each", foreach=str(list(range(70))), max_parallel=50, parameters=items),
        step(1, "b", needs=("each",)),
    )


def _fail(flows: Flows, _: Run) -> None:
    flows.calls.mended = False
    flows.work()
    flows.calls.mended = True
    flows.calls.names.clear()


def _cancelled(flows: Flows, run: Run) -> None:
    """A person cancels it again only if it goes on."""
    if flows.run(run).status is RunStatus.RUNNING:
        flows.runs.cancel(run.id, "enough")


def _redo(flows: Flows, run: Run) -> None:
    if flows.run(run).status is RunStatus.FAILED:
        flows.runs.redo(run.id)


def _send(flows: Flows, run: Run) -> None:
    flows.runs.send(run.id, "come", {"x": "x"}, key="k")


def _sent(flows: Flows, run: Run) -> None:
    """It is sent again only if it was not stored."""
    if not list(flows.runs.store.events(run.id)):
        _send(flows, run)


_CASES = {
    "a cancel": Case(
        define=_waiting,
        before=lambda flows, _: flows.work(),
        do=lambda flows, run: flows.runs.cancel(run.id, "enough"),
        after=_cancelled,
        status=RunStatus.CANCELLED,
        names={"a": 1, "undo a": 1},
        least=5,
        every=2,
    ),
    "compensation": Case(
        define=_failing,
        status=RunStatus.FAILED,
        names={"a": 1, "b": 1, "undo a": 1},
        least=16,
        every=2,
    ),
    "begun anew": Case(
        define=_redone,
        before=_fail,
        do=lambda flows, run: flows.runs.redo(run.id),
        after=_redo,
        names={"a": 1, "b": 1},
        least=3,
    ),
    "an event": Case(
        define=_event,
        before=lambda flows, _: flows.work(),
        do=_send,
        after=_sent,
        names={"x": 1},
        least=2,
    ),
    "a wait takes an event": Case(define=_event, before=_send, names={"x": 1}, least=8, every=2),
    "a run below": Case(define=_parent, names={"child": 1, "b": 1}, least=9),
    "many items": Case(
        define=_fan,
        names={f"item {one}": 1 for one in range(70)} | {"b": 1},
        least=26,
        every=13,
    ),
}


def killed_at(azurite: Azurite, flows: Flows, write: int, do: Callable[[Flows], None]) -> bool:
    """Do it in a process that dies at that write; whether it died. In turns the write is not sent,
    or is sent and its answer is lost."""
    answered = write // 2 % 2 == 1 if write % 2 else write // 2 % 2 == 0
    doomed = opened(azurite, flows, transport=Dying(write, answered=answered))
    try:
        do(doomed)
    except Killed:
        return True
    return False


@pytest.mark.parametrize("first", [0, 1])
def test_killed_while_it_starts(azurite: Azurite, flows: Flows, first: int) -> None:
    """Whoever got no answer starts it again, with the same key."""
    definition = _redone(flows)
    flows.calls.mended = True
    for write in range(first, 99, 2):
        flows.calls.names.clear()
        key = f"start {write}"
        died = killed_at(azurite, flows, write, partial(_begin, definition, key))
        run = flows.heal(flows.begin(definition, key))
        case = Case(define=_redone, names={"a": 1, "b": 1}, least=0)
        _hold(flows, case, run, f"killed at write {write}: {run}")
        if not died:
            break
    assert write >= 4, "it made few writes"


@pytest.mark.parametrize("name", _CASES)
def test_killed_at_its_writes(azurite: Azurite, flows: Flows, name: str) -> None:
    case = _CASES[name]
    definition = case.define(flows)
    for write in range(0, 999, case.every):
        flows.calls.names.clear()
        run = flows.begin(definition, f"{name} {write}")
        case.before(flows, run)
        died = killed_at(azurite, flows, write, partial(_do, case, run))
        case.after(flows, run)
        healed = flows.heal(run)
        _hold(flows, case, healed, f"{name}, killed at write {write}: {healed}")
        if not died:
            break
    assert write >= case.least, "it made few writes"


def _begin(definition: Definition, key: str, flows: Flows) -> None:
    flows.begin(definition, key)


def _do(case: Case, run: Run, flows: Flows) -> None:
    case.do(flows, run)


def _hold(flows: Flows, case: Case, run: Run, why: str) -> None:
    assert run.status is case.status, why
    done = Counter(flows.calls.names)
    assert done.keys() == case.names.keys(), why
    assert all(done[name] - often in (0, 1) for name, often in case.names.items()), why
    table = flows.runs.advancing.table
    for schedule in table.of_shard(table.shard(f"{run.id}_s0")):
        if schedule.id.startswith(run.id):
            ends = flows.ends(schedule.id)
            assert len(ends) == 1, f"{schedule.id}: {why}"
