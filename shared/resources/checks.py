"""What a task's check asks when a schedule is made or changed: whether the resources that its
parameters name are there, in the schedule's own project.

    def fits(params: Delivery, proposed: Proposed, resources: ResourceService) -> None:
        webhook_fits(resources, params.webhook_id, proposed)

A parameter that did not change is not asked for again, so that a schedule can be turned off whose
resource is gone.
"""

from __future__ import annotations

from collections.abc import Callable

from shared.errors import Invalid, NotFound
from shared.resources.model import D, Resource
from shared.resources.port import ResourceService
from shared.resources.repositories import Repository
from shared.resources.targets import Target
from shared.resources.webhooks import Webhook
from shared.tasks import Proposed


def webhook_fits(
    resources: ResourceService,
    webhook_id: str,
    proposed: Proposed,
    parameter: str = "webhook_id",
) -> Resource[Webhook] | None:
    """Raise `Invalid`, naming the parameter, unless the project has that webhook. Returns it; None
    if the parameter is as it was."""
    return _fits(resources.webhook, webhook_id, proposed, parameter)


def repository_fits(
    resources: ResourceService,
    repository_id: str,
    proposed: Proposed,
    parameter: str = "repository_id",
) -> Resource[Repository] | None:
    """The same of a repository."""
    return _fits(resources.repository, repository_id, proposed, parameter)


def target_fits(
    resources: ResourceService,
    target_id: str,
    proposed: Proposed,
    parameter: str = "target_id",
) -> Resource[Target] | None:
    """The same of a target."""
    return _fits(resources.target, target_id, proposed, parameter)


def _fits(
    find: Callable[[str, int | None], Resource[D]], name: str, proposed: Proposed, parameter: str
) -> Resource[D] | None:
    if parameter not in proposed.new:
        return None
    try:
        return find(name, proposed.project_id)
    except NotFound as error:
        raise Invalid(parameter, str(error)) from None
