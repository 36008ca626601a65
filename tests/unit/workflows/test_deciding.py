"""Runs of random graphs against a plain model: what failed, was cancelled or was told twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import event, given, settings
from hypothesis import strategies as st

from shared.workflows.deciding import AT_ONCE, Decision, Ended, Start, decide, stopped
from shared.workflows.model import Call, Definition, OnError, Step
from shared.workflows.names import Place
from shared.workflows.rows import properties, run_of_row
from shared.workflows.state import Run, RunStatus, StepState, StepStatus

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    """Steps that need some of those before them."""
    count = draw(st.integers(1, 7))
    steps = []
    for number in range(count):
        earlier = [f"s{one}" for one in range(number)]
        needs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
        items = draw(st.none() | st.integers(0, 5))
        steps.append(
            Step(
                id=f"s{number}",
                number=number,
                call=Call("work", {"number": number}),
                needs=tuple(needs),
                when=draw(st.sampled_from([None, None, None, "false", "1 / 0 == 1"])),
                foreach=None if items is None else str(list(range(items))),
                max_parallel=draw(st.integers(1, 3)),
                on_error=draw(st.sampled_from(OnError)),
                compensate=draw(st.none() | st.just(Call("undo", {"number": number}))),
            )
        )
    return Definition(name="random", steps=tuple(steps), digest="d")


@dataclass
class World:
    """Does the jobs of a run, in any order, some of them twice; keeps what was done."""

    definition: Definition
    data: st.DataObject
    run: Run = field(init=False)
    frozen: dict[int, Sequence[object]] = field(default_factory=dict)
    waiting: list[Start] = field(default_factory=list)
    told: list[Ended] = field(default_factory=list)
    done: list[tuple[str, Place]] = field(default_factory=list)
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.run = Run(
            id="w0abcdefghijklmn",
            workflow_id="x",
            name="x",
            digest="d",
            project_id=None,
            given={},
            requested_by="",
            started_at=NOW,
        )
        self.take(decide(self.definition, self.run, [], self, NOW))

    def outcome(self, _: Run, step: Step, state: StepState) -> Mapping[str, object]:
        assert step.id in self.run.steps
        return {"status": state.status.value, "result": None, "error": state.error}

    def items(self, _: Run, step: Step) -> Sequence[object]:
        return self.frozen[step.number]

    def event_url(self, run: Run, name: str) -> str:
        return f"https://belfry.example.com/{run.id}/{name}"

    def take(self, decision: Decision) -> None:
        row = properties(decision.run) | {"RowKey": f"run:{self.run.id}", "etag": ""}
        assert run_of_row(row) == decision.run, "what is stored is what was decided"
        assert len(decision.starts) <= AT_ONCE
        self.run = decision.run
        self.frozen |= decision.items
        self.waiting += decision.starts
        if decision.more:
            self.take(decide(self.definition, self.run, [], self, self.now))

    def end_some(self) -> None:
        """End some waiting jobs at once, and tell some that ended before once more."""
        draw = self.data.draw
        some = draw(st.integers(1, min(3, len(self.waiting))))
        ended = []
        for _ in range(some):
            one = self.waiting.pop(draw(st.integers(0, len(self.waiting) - 1)))
            ok = draw(st.integers(0, 4)) > 0
            ended.append(Ended(one.place, ok, "" if ok else "it failed"))
            self.done.append((one.call.task, one.place))
        again = draw(st.lists(st.sampled_from(self.told), max_size=2)) if self.told else []
        self.told += ended
        self.now += timedelta(seconds=1)
        self.take(decide(self.definition, self.run, [*ended, *again], self, self.now))

    def all_told(self) -> None:
        """Telling everything again changes nothing."""
        decision = decide(self.definition, self.run, self.told, self, self.now)
        assert decision.run == self.run
        assert not decision.starts


@given(definitions(), st.data())
@settings(max_examples=150)
def test_every_run_ends_and_does_each_job_once(definition: Definition, data: st.DataObject) -> None:
    world = World(definition, data)
    cancels = data.draw(st.integers(0, 12))
    for number in range(200):
        if not world.waiting:
            break
        if number == cancels and world.run.status is RunStatus.RUNNING:
            run = stopped(world.run, RunStatus.CANCELLED, "a person", compensates=True)
            world.take(decide(definition, run, [], world, world.now))
        if world.waiting:
            world.end_some()
    assert not world.run.is_open, "nothing is waited for, and it has not ended"
    event(world.run.status)
    assert len(set(world.done)) == len(world.done), "a job was handed out twice"
    world.all_told()
    _hold(world)


def _hold(world: World) -> None:
    """What must be true of every run that has ended."""
    run, steps = world.run, {one.id: one for one in world.definition.steps}
    bad = {StepStatus.FAILED, StepStatus.CANCELLED}
    for step_id, state in run.steps.items():
        step = steps[step_id]
        assert state.status not in (StepStatus.WAITING, StepStatus.RUNNING)
        if state.work is not None and step.when is None:
            assert all(run.steps[one].status is StepStatus.SUCCEEDED for one in step.needs)
        if state.status is StepStatus.SUCCEEDED and state.work is not None:
            assert state.work.succeeded == state.work.total
    fatal = [
        one
        for one, state in run.steps.items()
        if state.status in bad and steps[one].on_error is not OnError.CONTINUE
    ]
    if run.status is RunStatus.SUCCEEDED:
        assert not fatal
    else:
        assert run.outcome is not None
    _hold_undone(world, steps)


def _hold_undone(world: World, steps: Mapping[str, Step]) -> None:
    run = world.run
    undone = [place for task, place in world.done if task == "undo"]
    if not run.compensates:
        assert not undone
        return
    begun = {
        (place.number, place.item)
        for task, place in world.done
        if task == "work" and world.definition.steps[place.number].compensate
    }
    assert {(place.number, place.item) for place in undone} == begun, "all is undone, and only that"
    order = list(dict.fromkeys(place.number for place in undone))
    for at, number in enumerate(order):
        needed = {steps[one].number for one in world.definition.steps[number].needs}
        assert not needed & set(order[:at]), "a step was undone before what needed it"
