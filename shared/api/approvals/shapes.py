"""What the API takes and returns of approvals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints

from shared.api.fields import Input
from shared.api.lists import Paged
from shared.api.shown import Shown, at
from shared.approvals.model import Answer, ApprovalStatus, How
from shared.tasks import Impact

_Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


def _object(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


class Approve(Input):
    """Let it run."""

    digest: _Digest | None = None
    """`digest` of what you read: if it is for something else by now, the answer is 409."""


class Reject(Input):
    """Do not let it run."""

    reason: str = Field(default="", max_length=1000)
    """It is shown with the job."""
    digest: _Digest | None = None
    """As to approve."""


class WhatHappens(Shown):
    """Exactly what will happen."""

    title: str
    text: str
    """What will be sent or written, in full."""
    recipients: list[str]
    """Some of those who get it, masked."""
    recipient_count: int
    amount: str
    """Money that is moved or owed, with its currency."""
    target: str
    """The place outside that it goes to."""
    digest: str
    """A hash of what is too long to show, such as all recipients."""
    facts: dict[str, str]
    """What else matters."""


class VoteOut(Shown):
    """One person's answer."""

    by: str
    at: datetime
    answer: Answer
    how: How
    """key, sign-in, link, or local: not at all."""


class ApprovalOut(Shown):
    """What a critical job waits for."""

    id: str
    status: ApprovalStatus
    """pending, approved, rejected, expired (nobody decided in time), or superseded (what it was for
    changed, a newer occurrence asks, or its job was cancelled)."""
    impact: Impact
    tenant_id: int | None = at("project_id")
    """The project that it belongs to."""
    title: str = at("preview.title")
    schedule_id: str
    schedule_name: str
    job_id: str
    run_id: str | None = at("run")
    """The workflow's run, if it is a step of one."""
    step_id: str | None = at("step")
    """Which step."""
    task_type: str = at("task")
    due_at: datetime
    requested_at: datetime
    requested_by: str
    """Who asked for the job; of a schedule's own, who edited the schedule last."""
    expires_at: datetime
    """Until then somebody can decide."""
    digest: str
    """SHA-256 of all that it is for."""
    needed: int
    """How many persons must approve."""
    policy: str
    """By which rule."""
    approved_by: list[str] = at("approvers")
    decided_at: datetime | None
    decided_by: str | None
    """Null also if no person decided."""
    reason: str | None
    begun_at: datetime | None
    """When its job began to do it."""


class WholeApproval(ApprovalOut):
    """The same with all that is shown to whoever decides."""

    preview: WhatHappens
    task_parameters: Annotated[Mapping[str, Any], BeforeValidator(_object)] = at("parameters")
    votes: list[VoteOut]


class ApprovalList(Paged):
    approvals: list[ApprovalOut]
