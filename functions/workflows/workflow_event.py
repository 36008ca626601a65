"""Waits for an event from outside: what a step `wait: {event: ...}` of a workflow calls (O1)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from shared.tasks import JobContext, Result, task
from shared.tasks.customers import CustomerParams
from shared.workflows.port import WorkflowService

LONGEST_SECONDS = 400 * 86_400


class Awaited(CustomerParams):
    """Which event, and how long it may take."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")] = Field(
        examples=["first_login"]
    )
    """The event's name, as its sender says it."""
    timeout_seconds: int = Field(default=7 * 86_400, ge=1, le=LONGEST_SECONDS)
    """From when the step became ready. If no event has come by then, the step fails."""


@task("workflow_event", timeout_seconds=60, for_projects=True)
def workflow_event(job: JobContext, params: Awaited, workflows: WorkflowService) -> Result:
    """Waits for an event of a name, and returns what its sender said."""
    return workflows.receive(job, params.name, params.timeout_seconds)
