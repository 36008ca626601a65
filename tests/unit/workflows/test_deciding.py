"""Runs of random graphs against a plain model: what failed, was cancelled or was told twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import event, given, settings
from hypothesis import strategies as st

from shared.workflows.anew import anew
from shared.workflows.deciding import AT_ONCE, Decision, Ended, Start, decide, stopped
from shared.workflows.model import Call, Definition, OnError, Step
from shared.workflows.names import Place
from shared.workflows.rows import properties, run_of_row
from shared.workflows.state import STEP_ENDED, Run, RunStatus, StepState, StepStatus

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    """Steps that need some of those before them."""
    count = draw(st.integers(1, 7))
    steps = []
    for number in range(count):
        earlier = [f"s{one}" for one in range(number)]
        needs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
        items = draw(st.none() | st.integers(0, 5) | st.just(AT_ONCE + 5))
        steps.append(
            Step(
                id=f"s{number}",
                number=number,
                call=Call("work", {"number": number}),
                needs=tuple(needs),
                when=draw(st.sampled_from([None, None, None, "false", "1 / 0 == 1"])),
                foreach=None if items is None else str(list(range(items))),
                max_parallel=draw(st.integers(1, 3) | st.just(50)),
                on_error=draw(st.sampled_from(OnError)),
                compensate=draw(st.none() | st.just(Call("undo", {"number": number}))),
            )
        )
    seconds = draw(st.none() | st.integers(1, 12))
    return Definition(name="random", steps=tuple(steps), digest="d", deadline_seconds=seconds)


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
    ends: dict[tuple[int, int], list[bool]] = field(default_factory=dict)
    """How the jobs of each (step, item) ended, one after the other."""
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
            deadline=self.deadline(),
        )
        self.take(decide(self.definition, self.run, [], self, NOW))

    def deadline(self) -> datetime | None:
        seconds = self.definition.deadline_seconds
        return None if seconds is None else self.now + timedelta(seconds=seconds)

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
        for start in decision.starts:
            needs = [self.run.steps[one].status for one in start.step.needs]
            assert start.place.undo or all(one in STEP_ENDED for one in needs)
        if decision.more:
            self.take(decide(self.definition, self.run, [], self, self.now))
        assert self.run.is_open or not self.waiting, "it ended while its jobs were under way"
        if self.run.status is RunStatus.RUNNING:
            self.hold_full()

    def hold_full(self) -> None:
        """What could be under way is."""
        for step in self.definition.steps:
            work = self.run.steps[step.id].work
            if self.run.steps[step.id].status is StepStatus.RUNNING and work is not None:
                halted = work.failed and step.on_error is not OnError.CONTINUE
                assert halted or not work.left or len(work.open) == step.max_parallel

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
            if not one.place.undo:
                self.ends.setdefault((one.place.number, one.place.item or 0), []).append(ok)
        again = draw(st.lists(st.sampled_from(self.told), max_size=2)) if self.told else []
        self.told += ended
        self.now += timedelta(seconds=1)
        self.take(decide(self.definition, self.run, [*ended, *again], self, self.now))

    def all_told(self) -> None:
        """Telling everything again changes nothing."""
        decision = decide(self.definition, self.run, self.told, self, self.now)
        assert decision.run == self.run
        assert not decision.starts

    def to_end(self, cancels: int) -> None:
        """Go on until nothing is under way; a person cancels it once, whatever it does then."""
        for number in range(400):
            if not self.waiting:
                break
            if number == cancels:
                run = stopped(self.run, RunStatus.CANCELLED, "a person", compensates=True)
                self.take(decide(self.definition, run, [], self, self.now))
            if self.waiting:
                self.end_some()
        assert not self.run.is_open, "nothing is waited for, and it has not ended"

    def redo(self) -> bool:
        """Begin it anew; whether that may be."""
        undone = any(one.undo is not None for one in self.run.steps.values())
        if undone or self.run.status is RunStatus.SUCCEEDED:
            return False
        self.take(decide(self.definition, anew(self.run, self.deadline()), [], self, self.now))
        return True


@given(definitions(), st.data())
@settings(max_examples=150)
def test_every_run_ends_and_does_each_job_once(definition: Definition, data: st.DataObject) -> None:
    world = World(definition, data)
    world.to_end(data.draw(st.integers(0, 20)))
    for _ in range(2):
        if not (data.draw(st.booleans()) and world.redo()):
            break
        event("begun anew")
        world.to_end(data.draw(st.integers(0, 20)))
    event(world.run.status)
    assert len(set(world.done)) == len(world.done), "a job was handed out twice"
    assert not any(True in ends[:-1] for ends in world.ends.values()), "what succeeded was repeated"
    world.all_told()
    _hold(world)
    if world.run.status is RunStatus.SUCCEEDED:
        _hold_model(world)


def _hold_model(world: World) -> None:
    """How each step of a run must have ended in which nothing was stopped."""
    expected: dict[str, StepStatus] = {}
    for step in world.definition.steps:
        needs = {expected[one] for one in step.needs}
        if step.when is not None:
            verdict = StepStatus.SKIPPED if step.when == "false" else StepStatus.FAILED
        elif needs <= {StepStatus.SUCCEEDED}:
            ends = [ends[-1] for key, ends in world.ends.items() if key[0] == step.number]
            assert len(ends) == (1 if step.foreach is None else len(world.frozen[step.number]))
            verdict = StepStatus.SUCCEEDED if all(ends) else StepStatus.FAILED
        elif needs <= {StepStatus.SUCCEEDED, StepStatus.SKIPPED}:
            verdict = StepStatus.SKIPPED
        else:
            verdict = StepStatus.NOT_RUN
        expected[step.id] = verdict
    assert {one: state.status for one, state in world.run.steps.items()} == expected


def _hold(world: World) -> None:
    """What must be true of every run that has ended."""
    run, steps = world.run, {one.id: one for one in world.definition.steps}
    bad = {StepStatus.FAILED, StepStatus.CANCELLED}
    for step_id, state in run.steps.items():
        step = steps[step_id]
        assert state.status not in (StepStatus.WAITING, StepStatus.RUNNING)
        if state.work is not None and step.when is None:
            assert all(run.steps[one].status is StepStatus.SUCCEEDED for one in step.needs)
        ends = {key[1]: ends[-1] for key, ends in world.ends.items() if key[0] == step.number}
        if state.work is not None:
            assert state.work.succeeded == sum(ends.values()), "each item is counted once"
        if state.status is StepStatus.SUCCEEDED and state.work is not None:
            assert state.work.succeeded == state.work.total and all(ends.values())
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
    found = {(place.number, place.item) for place in undone}
    assert found >= begun, "all that was begun is undone"
    assert world.run.redone or found == begun, "and only that"
    order = list(dict.fromkeys(place.number for place in undone))
    for at, number in enumerate(order):
        needed = {steps[one].number for one in world.definition.steps[number].needs}
        assert not needed & set(order[:at]), "a step was undone before what needed it"
