"""`/api/v1/runs`: runs of workflows: start, read step by step, cancel, begin anew, send events."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Path, Response

from shared.access import Caller
from shared.api.answers import told
from shared.api.deps import Asking, Provided
from shared.api.idempotency import Once
from shared.api.jobs.routes import JobOut
from shared.api.lists import PAGE_SIZE, Page, PageSize, Since, Until, counts, span
from shared.api.query import Number
from shared.api.runs.shapes import (
    CancelRun,
    EventTaken,
    NewEvent,
    NewRun,
    RunEventList,
    RunEventOut,
    RunList,
    RunOut,
    RunWhole,
    StepJobList,
)
from shared.app import App
from shared.audit.port import Action, Subject
from shared.engine.commands.agreed import Agreed
from shared.errors import Invalid, NotFound
from shared.workflows.diagram import of_run
from shared.workflows.model import Step
from shared.workflows.names import Place
from shared.workflows.state import Fan, Run, RunStatus, StepState

router = APIRouter(prefix="/api/v1/runs", tags=["runs"])
starting = APIRouter(prefix="/api/v1/workflows", tags=["runs"])
DATA = 20_000
"""The most characters of an event's data."""
_REASON = "a person cancelled it"
StepId = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
EventName = Annotated[str, Path(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,59}$")]


@starting.post("/{workflow_id}/runs", status_code=202)
def start_run(app: Provided, by: Asking, once: Once, workflow_id: str, new: NewRun) -> Response:
    """Start a run of a workflow, also of one that is not active. A second request with the same
    `Idempotency-Key` starts no second run."""
    belfry = app()

    def make(agreed: Agreed) -> Response:
        (key,) = agreed(lambda: [belfry.manager.new_id()])
        wanted = belfry.workflows().asked(by, workflow_id)
        subject = Subject("workflow", workflow_id, wanted.project_id)
        with belfry.audit.changing(by, Action.EXECUTE, subject) as change:
            run = belfry.workflow_runs().start(wanted, new.input, key=f"api:{key}", by=by)
            change.after = {"run_id": run.id}
        headers = {"Location": f"/api/v1/runs/{run.id}"}
        return told(RunOut.of(run), 202, headers)

    return once.answered(belfry, make)


@router.get("")
def list_runs(
    app: Provided,
    by: Asking,
    project_id: Number | None = None,
    workflow_id: str | None = None,
    status: RunStatus | None = None,
    since: Since = None,
    until: Until = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> RunList:
    """Runs of the caller's projects, the latest first. `from` and `to` limit when they started.
    `status`: `running` also finds runs that are stopping or being undone."""
    first, end = span(since, until)
    runs = app().workflow_runs()
    found = runs.roll.page(
        by.among(project_id),
        workflow_id,
        None if status is None else [kind_of(status)],
        (page - 1) * page_size,
        page_size,
        since=first,
        until=end,
    )
    shown = [RunOut.of(one) for one in runs.many(found.run_ids)]
    return RunList(runs=shown, **counts(found.total, page, page_size))


@router.get("/{run_id}")
def read_run(app: Provided, by: Asking, run_id: str) -> RunWhole:
    """A run, step by step."""
    belfry = app()
    run = _own(belfry, by, run_id)
    return RunWhole.whole(run, belfry.workflow_runs().store.definition(run.digest))


@router.get("/{run_id}/steps/{step_id}/jobs")
def list_step_jobs(
    app: Provided,
    by: Asking,
    run_id: str,
    step_id: StepId,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> StepJobList:
    """The jobs of a step: one, or one for each item of its `foreach`, in the items' order."""
    belfry = app()
    run = _own(belfry, by, run_id)
    step = _step(belfry, run, step_id)
    state = run.steps.get(step_id, StepState())
    work = state.work or Fan(total=0)
    begun = range(work.total) if work.only is None else work.only
    numbers = list(begun)[: work.handed_out]
    shown = numbers[(page - 1) * page_size : page * page_size]
    places = [
        Place(number=step.number, item=item if work.each else None, group=state.group)
        for item in shown
    ]
    jobs = belfry.workflow_runs().jobs(run, places)
    return StepJobList(jobs=[JobOut.of(one) for one in jobs], total=len(numbers))


@router.get("/{run_id}/diagram", response_class=Response)
def draw_run(app: Provided, by: Asking, run_id: str) -> Response:
    """The run as a diagram in Mermaid's language."""
    belfry = app()
    run = _own(belfry, by, run_id)
    definition = belfry.workflow_runs().store.definition(run.digest)
    states = {one.id: said_of(run.steps.get(one.id, StepState())) for one in definition.steps}
    return Response(of_run(definition, states), media_type="text/plain; charset=utf-8")


@router.post("/{run_id}/cancel")
def cancel_run(app: Provided, by: Asking, run_id: str, cancel: CancelRun | None = None) -> RunOut:
    """Cancel a run: it starts no more steps, those under way are told to stop, and what was done is
    undone, where its steps say how."""
    belfry = app()
    run = _own(belfry, by, run_id)
    reason = (cancel and cancel.reason) or _REASON
    subject = Subject("workflow_run", run_id, run.project_id)
    with belfry.audit.changing(by, Action.CANCEL, subject) as change:
        after = belfry.workflow_runs().cancel(run_id, reason)
        change.after = {"status": after.status.value, "reason": reason}
    return RunOut.of(after)


@router.post("/{run_id}/retry")
def retry_run(app: Provided, by: Asking, run_id: str) -> RunOut:
    """Begin a run anew where it failed: the steps that succeeded are not repeated, and it stays on
    its version of the definition."""
    belfry = app()
    run = _own(belfry, by, run_id)
    subject = Subject("workflow_run", run_id, run.project_id)
    with belfry.audit.changing(by, Action.RETRY, subject) as change:
        after = belfry.workflow_runs().redo(run_id, by)
        change.after = {"status": after.status.value, "retries": after.redone}
    return RunOut.of(after)


@router.get("/{run_id}/events")
def list_events(app: Provided, by: Asking, run_id: str) -> RunEventList:
    """The events that came for a run, and which job took each."""
    belfry = app()
    run = _own(belfry, by, run_id)
    return RunEventList(events=[RunEventOut.of(one) for one in belfry.workflow_runs().events(run)])


@router.post("/{run_id}/events/{name}", status_code=202)
def send_event(
    app: Provided, by: Asking, run_id: str, name: EventName, event: NewEvent
) -> EventTaken:
    """Send a run an event: it ends the wait for it, also one that begins later. The same event sent
    twice is one."""
    belfry = app()
    _own(belfry, by, run_id)
    return EventTaken(new=send(belfry, run_id, name, event))


def send(belfry: App, run_id: str, name: str, event: NewEvent) -> bool:
    """Send a run an event; whether it is new. Raises `Invalid`, `NotFound`, `Conflict`."""
    text = json.dumps(event.data, sort_keys=True)
    if len(text) > DATA:
        raise Invalid("data", f"it has {len(text):,} characters as JSON; {DATA:,} can be")
    key = event.id or sha256(text.encode()).hexdigest()
    return belfry.workflow_runs().send(run_id, name, event.data, key=key)


def kind_of(status: RunStatus) -> str:
    """How lists call runs of that status."""
    still = (RunStatus.RUNNING, RunStatus.STOPPING, RunStatus.COMPENSATING)
    return "open" if status in still else status.value


def said_of(state: StepState) -> str:
    """What a diagram says of a step."""
    work = state.work
    if work is None or not work.each:
        return state.status.value
    return f"{state.status.value} {work.succeeded}/{work.total}"


def _own(belfry: App, by: Caller, run_id: str) -> Run:
    run = belfry.workflow_runs().get(run_id)
    by.hold(run.project_id, f"run {run_id!r}")
    return run


def _step(belfry: App, run: Run, step_id: str) -> Step:
    for one in belfry.workflow_runs().store.definition(run.digest).steps:
        if one.id == step_id:
            return one
    raise NotFound(f"{run.id} has no step {step_id!r}")
