"""What tasks ask of the resources. Only types, so a task that declares the service imports nothing
else of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from shared.resources.model import Resource
from shared.resources.repositories import Repository
from shared.resources.targets import Target
from shared.resources.webhooks import Webhook
from shared.tasks import JobContext


class ResourceUpkeep(Protocol):
    """The maintenance of resources."""

    def sweep(self, job: JobContext) -> Mapping[str, object]:
        """Remove secrets that nothing refers to. Returns the task's result, as a JSON object."""


class CustomerUpkeep(Protocol):
    """Removes what is left of customers' tasks, and needed no more."""

    def forget(self, job: JobContext) -> Mapping[str, int]:
        """Remove it, so much at once; how much of what. Raises the first error, after all else."""


class ResourceService(Protocol):
    """Finds resources, with their secrets (`service`). Each raises `NotFound`, which says what is
    gone and how to make it anew, and `Unavailable` or `Refused` if storage fails."""

    def webhook(self, webhook_id: str, project_id: int | None) -> Resource[Webhook]:
        """The webhook of that project."""

    def repository(self, repository_id: str, project_id: int | None) -> Resource[Repository]:
        """The repository of that project."""

    def target(self, target_id: str, project_id: int | None) -> Resource[Target]:
        """The target of that project."""

    def targets(self, project_id: int | None) -> Sequence[Resource[Target]]:
        """All targets of that project, without their secrets."""

    def disable_webhook(self, webhook_id: str, project_id: int | None, reason: str) -> None:
        """Deliver nothing more to it, until a person enables it; harmless if it is disabled."""
