"""What a task's check asks when a schedule is made or changed: whether the resources that its
parameters name are there, in the schedule's own project.

    def fits(params: Delivery, proposed: Proposed, resources: ResourceService) -> None:
        webhook_fits(resources, params.webhook_id, proposed)

That a resource is gone is no error if the parameter did not change, so that its schedule can still
be turned off.
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
    """The same of a target; it is returned also if the parameter is as it was, since which others
    there may be depends on its kind. None if it is gone."""
    return _found(resources.target, target_id, proposed, parameter)


def _fits(
    find: Callable[[str, int | None], Resource[D]], name: str, proposed: Proposed, parameter: str
) -> Resource[D] | None:
    return _found(find, name, proposed, parameter) if parameter in proposed.new else None


def _found(
    find: Callable[[str, int | None], Resource[D]], name: str, proposed: Proposed, parameter: str
) -> Resource[D] | None:
    try:
        return find(name, proposed.project_id)
    except NotFound as error:
        if parameter in proposed.new:
            raise Invalid(parameter, str(error)) from None
        return None
