"""What follows in a run: a pure function of (definition, run, jobs that ended, now).

1. The jobs that ended are counted, each once.
2. A step whose jobs have all ended has ended. If it failed, its `on_error` says whether the run
   goes on, or stops.
3. A step that has all that it needs runs, or is left out. Its parameters are computed.
4. When no step is left, the run has ended; or what was done is undone, step by step, in reverse.

Whoever calls it twice, or at the same time, decides the same; the run's ETag lets one of them win.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from shared.schedules.job import Job, Status
from shared.workflows.computing import Wrong, choice, parameters, some
from shared.workflows.links import names
from shared.workflows.model import MAX_ITEMS, Call, Definition, OnError, Step
from shared.workflows.names import Place, place_of
from shared.workflows.order import backwards
from shared.workflows.state import (
    STEP_ENDED,
    Fan,
    Run,
    RunStatus,
    StepState,
    StepStatus,
)

AT_ONCE = 30
"""How many jobs one decision hands out: they and what ends must fit into one transaction."""
_ERROR = 300
REFUSED = "approval_"
"""What the reason begins with if a person rejected a job, or nobody decided in time."""


class Look(Protocol):
    """What was stored of a run besides its row."""

    def outcome(self, run: Run, step: Step, state: StepState) -> Mapping[str, object]:
        """What expressions see of a step that ended: `status`, `result`, `error`."""

    def items(self, run: Run, step: Step) -> Sequence[object]:
        """The items of a `foreach` that has begun."""

    def event_url(self, run: Run, name: str) -> str:
        """Where anybody who has the URL may send the run that event. Raises `Wrong` if nobody
        knows where the app is reached."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A job of the run that ended."""

    place: Place
    ok: bool
    error: str = ""


@dataclass(frozen=True, slots=True)
class Start:
    """A job that is handed out."""

    place: Place
    step: Step
    call: Call
    """With its parameters computed."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows."""

    run: Run
    starts: Sequence[Start] = ()
    items: Mapping[int, Sequence[object]] = field(default_factory=dict)
    """The items of each `foreach` that begins, by the number of its step."""
    more: bool = False
    """Whether there is more to hand out than one decision can."""


def ended_of(job: Job) -> Ended | None:
    """How a job ended, for its run; None if it is of no step. A task that had nothing to do counts
    as done; a job that a person or a budget kept from running does not."""
    place = place_of(job.schedule_id)
    if place is None:
        return None
    kept = job.worker is None or (job.reason or "").startswith(REFUSED)
    ok = job.status is Status.SUCCEEDED or (job.status is Status.SKIPPED and not kept)
    return Ended(place, ok, "" if ok else (job.error or job.reason or job.status.value)[:_ERROR])


def stopped(run: Run, outcome: RunStatus, reason: str, *, compensates: bool) -> Run:
    """The run, once it starts no more steps; as it is if it stops already."""
    if run.status is not RunStatus.RUNNING:
        return run
    return replace(
        run,
        status=RunStatus.STOPPING,
        outcome=outcome,
        reason=reason[:_ERROR],
        compensates=compensates,
    )


def decide(
    definition: Definition, run: Run, ended: Sequence[Ended], look: Look, now: datetime
) -> Decision:
    """What follows when these jobs have ended. Jobs that were counted before change nothing."""
    if run.deadline is not None and run.deadline <= now:
        run = stopped(run, RunStatus.CANCELLED, "its deadline passed", compensates=True)
    turn = _Turn(definition, run, look, now)
    if run.is_open:
        for one in ended:
            turn.count(one)
        turn.go_on()
    return turn.decision()


class _Turn:
    """One decision, as it is being made."""

    def __init__(self, definition: Definition, run: Run, look: Look, now: datetime) -> None:
        self._definition = definition
        self._run = run
        self._look = look
        self._now = now
        self._steps = {one.id: run.steps.get(one.id, StepState()) for one in definition.steps}
        self._starts: list[Start] = []
        self._items: dict[int, Sequence[object]] = {}

    def decision(self) -> Decision:
        run = replace(self._run, steps=self._steps)
        more = len(self._starts) == AT_ONCE and run.is_open
        return Decision(run, self._starts, self._items, more)

    def count(self, one: Ended) -> None:
        """Count a job that ended."""
        if one.place.number >= len(self._definition.steps):
            return
        step = self._definition.steps[one.place.number]
        state = self._steps[step.id]
        fan = state.undo if one.place.undo else state.work
        item = one.place.item or 0
        if fan is None or state.group != one.place.group or item not in fan.open:
            return
        self._put(step, state, _counted(fan, item, one.ok), one.error, undo=one.place.undo)

    def go_on(self) -> None:
        """Move all steps as far as they can."""
        while any([self._moved(step) for step in self._definition.steps]):
            pass
        if all(one.status in STEP_ENDED for one in self._steps.values()):
            self._finish()

    def _moved(self, step: Step) -> bool:
        state = self._steps[step.id]
        if state.status is StepStatus.WAITING:
            return self._begun(step, state)
        return state.status is StepStatus.RUNNING and self._went_on(step, state)

    def _begun(self, step: Step, state: StepState) -> bool:
        """Whether a waiting step begins, or will never run."""
        if self._run.status is not RunStatus.RUNNING:
            cancelled = self._run.outcome is RunStatus.CANCELLED
            never = StepStatus.CANCELLED if cancelled else StepStatus.NOT_RUN
            self._steps[step.id] = replace(state, status=never)
            return True
        needs = [self._steps[one].status for one in step.needs]
        if not all(one in STEP_ENDED for one in needs):
            return False
        try:
            verdict = self._verdict(step, needs)
            fan = self._fan(step, state) if verdict is StepStatus.RUNNING else None
        except Wrong as error:
            self._failed(step, state, str(error))
            return True
        at = self._now if fan else None
        self._steps[step.id] = replace(state, status=verdict, work=fan or state.work, started_at=at)
        return True

    def _verdict(self, step: Step, needs: Sequence[StepStatus]) -> StepStatus:
        """Whether a step runs, once all that it needs has ended."""
        if step.when is not None:
            wanted = choice(step.when, self._values(step))
            return StepStatus.RUNNING if wanted else StepStatus.SKIPPED
        if any(one is not StepStatus.SUCCEEDED for one in needs):
            skipped = all(one in (StepStatus.SUCCEEDED, StepStatus.SKIPPED) for one in needs)
            return StepStatus.SKIPPED if skipped else StepStatus.NOT_RUN
        return StepStatus.RUNNING

    def _fan(self, step: Step, state: StepState) -> Fan:
        if state.work is not None:  # begun anew: only what failed, with the same items
            return state.work
        if step.foreach is None:
            return Fan()
        items = some(step.foreach, self._values(step), MAX_ITEMS)
        self._items[step.number] = items
        return Fan(total=len(items), each=True)

    def _went_on(self, step: Step, state: StepState) -> bool:
        """Whether a running step ended."""
        fan = state.work or Fan()
        while self._may_start(step, fan):
            fan, error = self._handed_out(step, step.call, state, fan, undo=False)
            state = replace(state, work=fan, error=state.error or error)
        self._steps[step.id] = state
        if fan.open or (fan.left and not self._halts(step, fan)):
            return False
        self._end(step, state, fan)
        return True

    def _may_start(self, step: Step, fan: Fan) -> bool:
        room = len(fan.open) < step.max_parallel and len(self._starts) < AT_ONCE
        return bool(fan.left) and room and not self._halts(step, fan)

    def _halts(self, step: Step, fan: Fan) -> bool:
        """Whether no more of its items are begun."""
        stops = self._run.status is not RunStatus.RUNNING
        return stops or (bool(fan.failed) and step.on_error is not OnError.CONTINUE)

    def _end(self, step: Step, state: StepState, fan: Fan) -> None:
        if fan.failed:
            self._failed(step, state, state.error)
            return
        status = StepStatus.SUCCEEDED if not fan.left else StepStatus.CANCELLED
        self._steps[step.id] = replace(state, status=status, ended_at=self._now)

    def _failed(self, step: Step, state: StepState, error: str) -> None:
        cancelled = self._run.outcome is RunStatus.CANCELLED and state.work is not None
        status = StepStatus.CANCELLED if cancelled else StepStatus.FAILED
        self._steps[step.id] = replace(
            state, status=status, ended_at=self._now, error=error[:_ERROR]
        )
        if step.on_error is not OnError.CONTINUE:
            self._run = stopped(
                self._run,
                RunStatus.FAILED,
                f"step {step.id} failed: {error}",
                compensates=step.on_error is OnError.COMPENSATE,
            )

    def _finish(self) -> None:
        """End the run, or go on undoing."""
        if self._run.status is RunStatus.RUNNING:
            self._over(RunStatus.SUCCEEDED)
            return
        if self._run.compensates and not self._undone():
            self._run = replace(self._run, status=RunStatus.COMPENSATING)
            return
        failed = any(one.undo is not None and one.undo.failed for one in self._steps.values())
        outcome = self._run.outcome or RunStatus.FAILED
        self._over(RunStatus.COMPENSATION_FAILED if failed else outcome)

    def _over(self, status: RunStatus) -> None:
        self._run = replace(self._run, status=status, ended_at=self._now)

    def _undone(self) -> bool:
        """Whether all is undone; one step at a time, the last that was done first. A step that
        cannot be undone does not keep the others from it."""
        for step in backwards(self._definition):
            state = self._steps[step.id]
            call, work = step.compensate, state.work
            if call is None or work is None or not _begun_of(work):
                continue
            if state.undo is None:
                state = replace(state, undo=_to_undo(work), undone_at=self._now)
            fan = state.undo or Fan()
            while fan.left and len(fan.open) < step.max_parallel and len(self._starts) < AT_ONCE:
                fan, error = self._handed_out(step, call, state, fan, undo=True)
                state = replace(state, undo=fan, error=state.error or error)
            self._steps[step.id] = state
            if fan.open or fan.left:
                return False
        return True

    def _handed_out(
        self, step: Step, call: Call, state: StepState, fan: Fan, *, undo: bool
    ) -> tuple[Fan, str]:
        """(the fan with one more job, or one more that failed, why it failed)."""
        item = fan.next()
        fan = replace(fan, handed_out=fan.handed_out + 1)
        try:
            given = parameters(call.parameters, self._values(step, item if fan.each else None))
        except Wrong as error:
            return _counted(replace(fan, open=(*fan.open, item)), item, False), str(error)[:_ERROR]
        place = Place(
            number=step.number, undo=undo, item=item if fan.each else None, group=state.group
        )
        self._starts.append(Start(place, step, replace(call, parameters=given)))
        return replace(fan, open=(*fan.open, item)), ""

    def _values(self, step: Step, item: int | None = None) -> Mapping[str, object]:
        """What the expressions of a step see."""
        run = self._run
        seen: dict[str, object] = {
            "trigger": run.given,
            "run": {
                "id": run.id,
                "workflow_id": run.workflow_id,
                "project_id": run.project_id,
                "started_at": run.started_at,
                "events": _Events(self._definition, run, self._look),
            },
            "steps": _Outcomes(self._definition, run, self._steps, self._look),
        }
        if item is not None:
            items = self._items.get(step.number) or self._look.items(run, step)
            seen |= {"item": items[item], "index": item}
        return seen

    def _put(self, step: Step, state: StepState, fan: Fan, error: str, *, undo: bool) -> None:
        after = replace(state, undo=fan) if undo else replace(state, work=fan)
        self._steps[step.id] = replace(after, error=state.error or error)


class _Outcomes(Mapping[str, object]):
    """What expressions see of each step, read when it is looked at."""

    def __init__(
        self, definition: Definition, run: Run, steps: Mapping[str, StepState], look: Look
    ) -> None:
        self._known = {one.id: one for one in definition.steps}
        self._run = run
        self._steps = steps
        self._look = look

    def __getitem__(self, step_id: str) -> object:
        step = self._known[step_id]
        return self._look.outcome(self._run, step, self._steps[step_id])

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


class _Events(Mapping[str, object]):
    """The URL of each event that the run waits for, made when it is looked at."""

    def __init__(self, definition: Definition, run: Run, look: Look) -> None:
        self._known = names(definition)
        self._run = run
        self._look = look

    def __getitem__(self, name: str) -> object:
        if name not in self._known:
            raise KeyError(name)
        return self._look.event_url(self._run, name)

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _counted(fan: Fan, item: int, ok: bool) -> Fan:
    """The fan with the job of an item ended."""
    return replace(
        fan,
        open=tuple(one for one in fan.open if one != item),
        succeeded=fan.succeeded + ok,
        failed=fan.failed if ok else (*fan.failed, item),
    )


def _begun_of(work: Fan) -> int:
    """How many items were ever begun, or may have been: before a step was begun anew, too."""
    return work.total if work.only is not None else work.handed_out


def _to_undo(work: Fan) -> Fan:
    """What is to be undone of a step: all that was ever begun."""
    return Fan(total=_begun_of(work), each=work.each)
