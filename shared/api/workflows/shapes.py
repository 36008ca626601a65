"""What the API takes and returns for workflows."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field

from shared.api.fields import Input, Name, ProjectId, Whole, formed
from shared.api.lists import Paged
from shared.api.shown import Shown
from shared.tasks import Flag
from shared.workflows.interval import ScheduleConfig
from shared.workflows.model import Definition
from shared.workflows.saved.model import WORKFLOW_ID, Version, Workflow
from shared.workflows.validation import Problem

_Minutes = Annotated[Whole, Field(ge=1, le=525_600)]
NewId = Annotated[
    str,
    Field(json_schema_extra={"pattern": f"^{WORKFLOW_ID}$"}, max_length=40),
    formed(WORKFLOW_ID, "give a letter, then up to 39 letters, digits, _ and -, all in lower case"),
]


class RunsEvery(Input):
    """How often it runs by itself."""

    enabled: Flag | None = None
    interval_minutes: _Minutes | None = None

    def applied(self, config: ScheduleConfig) -> ScheduleConfig:
        """The config with what is given."""
        enabled = config.enabled if self.enabled is None else self.enabled
        minutes = self.interval_minutes or config.interval_minutes
        return ScheduleConfig(enabled=enabled, interval_minutes=minutes)


class NewWorkflow(Input):
    """A workflow to be made."""

    id: NewId
    """It is of the whole of Belfry, and stays."""
    project_id: ProjectId | None = None
    """Default: the caller's, if it has one; else it is the company's own."""
    is_active: Flag = True
    """Whether it may be run, by anybody or by itself."""
    schedule_config: RunsEvery = Field(default_factory=RunsEvery)
    """Default: it does not run by itself; an interval is 60 minutes."""
    definition: dict[str, Any]
    """By the JSON Schema that `GET /api/v1/workflows/schema` returns."""


class WorkflowChange(Input):
    """What is to change; what is left out stays."""

    name: Name | None = None
    """Makes a new version."""
    is_active: Flag | None = None
    schedule_config: RunsEvery | None = None


class CheckedWorkflow(Input):
    """A definition to be checked."""

    id: NewId = "unsaved"
    """Of the workflow that it is meant for: one may not run itself."""
    project_id: ProjectId | None = None
    """Default: the caller's, if it has one."""
    definition: dict[str, Any]


class RunsEveryOut(Shown):
    enabled: bool
    interval_minutes: int


class WorkflowOut(Shown):
    """A workflow, without its definition."""

    id: str
    project_id: int | None
    name: str
    version: str
    """The SHA-256 of its definition."""
    is_active: bool
    schedule_config: RunsEveryOut
    last_run_at: datetime | None
    """The slot of its last run by itself."""
    last_run_id: str | None
    next_run_at: datetime | None
    """When it runs next by itself; null: it does not."""
    revision: int
    saved_by: str
    """Who changed it last."""
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, workflow: Workflow, now: datetime) -> Self:
        return cls(**_plain(workflow, now))


class WorkflowWhole(WorkflowOut):
    """A workflow with its definition."""

    definition: dict[str, Any]

    @classmethod
    def whole(cls, workflow: Workflow, text: str, now: datetime) -> Self:
        return cls(**_plain(workflow, now), definition=json.loads(text))


class WorkflowList(Paged):
    workflows: list[WorkflowOut]


class VersionOut(Shown):
    """A version that was saved once."""

    version: str
    saved_by: str
    saved_at: datetime

    @classmethod
    def of(cls, one: Version) -> Self:
        return cls(version=one.digest, saved_by=one.saved_by, saved_at=one.saved_at)


class VersionWhole(VersionOut):
    """A version with what it says."""

    definition: dict[str, Any]

    @classmethod
    def whole(cls, one: Version) -> Self:
        return cls(**VersionOut.of(one).model_dump(), definition=json.loads(one.text))


class VersionList(Paged):
    versions: list[VersionOut]


class ProblemOut(Shown):
    """One thing that would be refused."""

    field: str
    """Such as `steps[3].needs`."""
    message: str


class CheckResult(Shown):
    """What a check found."""

    version: str
    """The SHA-256 that the definition has, once it is saved."""
    steps: int
    problems: list[ProblemOut]
    """Empty: it can be saved."""

    @classmethod
    def of(cls, definition: Definition, found: list[Problem]) -> Self:
        return cls(
            version=definition.digest,
            steps=len(definition.steps),
            problems=[ProblemOut(field=one.field, message=one.message) for one in found],
        )


def _plain(workflow: Workflow, now: datetime) -> dict[str, Any]:
    timing = workflow.timing(now)
    return {
        "id": workflow.id,
        "project_id": workflow.project_id,
        "name": workflow.name,
        "version": workflow.digest,
        "is_active": workflow.is_active,
        "schedule_config": RunsEveryOut.model_validate(workflow.schedule),
        "last_run_at": workflow.last_run_at,
        "last_run_id": workflow.last_run_id or None,
        "next_run_at": timing.due or timing.next_at,
        "revision": workflow.revision,
        "saved_by": workflow.saved_by,
        "created_at": workflow.created_at,
        "updated_at": workflow.updated_at,
    }
