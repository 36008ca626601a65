"""What tasks and other parts may ask of workflows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from shared.tasks import JobContext


class WorkflowService(Protocol):
    """The services to the built-in tasks that steps call. Each returns the task's result."""

    def run(
        self, job: JobContext, workflow_id: str, given: Mapping[str, object]
    ) -> Mapping[str, object]:
        """Start the job's run of that workflow, once; held until the run has ended. Raises `Held`,
        `Invalid`, `NotFound`, or `Refused` if the run did not succeed."""

    def receive(self, job: JobContext, name: str, timeout_seconds: int) -> Mapping[str, object]:
        """The event of that name for the job's run, once it has come; held until then. Raises
        `Held`, or `TimedOut`."""


class WorkflowScheduler(Protocol):
    """What starts workflows by their interval."""

    def start_due(self, job: JobContext) -> Mapping[str, object]:
        """Start the workflows whose `interval_minutes` have passed (O1); the task's result."""


class WorkflowArchive(Protocol):
    """What moves old runs into files."""

    def archive(self, job: JobContext) -> Mapping[str, object]:
        """Move the runs that ended long ago (O10); the task's result."""
