"""Runs a workflow and waits for its end: what a step `workflow: ...` of another calls (O1). A
schedule of its own makes it run at any time that Belfry knows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue, StringConstraints, field_validator

from shared.tasks import JobContext, Result, task
from shared.tasks.customers import CustomerParams
from shared.text import depth
from shared.workflows.port import WorkflowService

_DEEPEST = 50


class Started(CustomerParams):
    """Which workflow, and what it is started with."""

    workflow_id: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        examples=["onboarding"]
    )
    """The workflow, of the schedule's project (`/api/v1/workflows`)."""
    input: dict[str, JsonValue] = Field(default_factory=dict)
    """The values of its inputs, by their names."""

    @field_validator("input")
    @classmethod
    def _fits(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if depth(value) > _DEEPEST:
            raise ValueError(f"it is more than {_DEEPEST} levels deep")
        return value


@task("workflow", timeout_seconds=60, for_projects=True)
def workflow(job: JobContext, params: Started, workflows: WorkflowService) -> Result:
    """Runs a workflow, and ends as its run does."""
    return workflows.run(job, params.workflow_id, params.input)
