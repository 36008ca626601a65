"""What tasks may ask of approvals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from shared.tasks import JobContext


class ApprovalService(Protocol):
    """The approvals. Raises `Unavailable` or `Refused` if storage fails."""

    def given(self, job: JobContext) -> Mapping[str, object]:
        """Who approved a job that has begun, and when: a task's result."""


class ApprovalUpkeep(Protocol):
    """What is done for the approvals every few minutes."""

    def watch(self, job: JobContext) -> Mapping[str, object]:
        """End those whose time is over, wake jobs whose approvals were decided, tell people of what
        waits, and remove what was decided long ago. Returns the task's result. A dry run only says
        how many there are of each. Raises `Unavailable` or `Refused` if storage fails."""
