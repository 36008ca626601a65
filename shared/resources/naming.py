"""How resources are named: in paths, in messages, and by the parameters of tasks. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from shared.errors import NotFound
from shared.resources.model import Kind
from shared.tasks import Params

PATHS: Mapping[Kind, str] = {
    Kind.WEBHOOK: "/api/v1/webhooks",
    Kind.REPOSITORY: "/api/v1/repositories",
    Kind.TARGET: "/api/v1/targets",
}
_ENDINGS: Mapping[str, Kind] = {
    "webhook_id": Kind.WEBHOOK,
    "repository_id": Kind.REPOSITORY,
    "target_id": Kind.TARGET,
    "pair_id": Kind.TARGET,
    "source_id": Kind.TARGET,
    "destination_id": Kind.TARGET,
}


def kind_of(parameter: str) -> Kind | None:
    """The kind of resource that a parameter of that name names, also one with a list of ids
    (`target_ids`); None: it names none."""
    return _ENDINGS.get(parameter.removesuffix("s"))


def named(params: type[Params], kind: Kind) -> list[str]:
    """The parameters of a task that name resources of that kind."""
    return [name for name in params.model_fields if kind_of(name) is kind]


def names(parameters: Mapping[str, object], fields: list[str], resource_id: str) -> bool:
    """Whether one of these parameters names the resource. A number is the same as its digits."""
    for name in fields:
        given = parameters.get(name)
        ids = given if isinstance(given, list) else [given]
        if resource_id in [str(one) for one in ids if one is not None]:
            return True
    return False


def missing(kind: Kind, resource_id: str, project_id: int | None) -> NotFound:
    """What is gone, and how to make it anew."""
    if project_id is None:
        said = f"there is no {kind} {resource_id!r:.70} that belongs to no project"
    else:
        said = f"project {project_id} has no {kind} {resource_id!r:.70}"
    return NotFound(f"{said}; {made_by(kind, resource_id)}")


def made_by(kind: Kind, resource_id: str) -> str:
    """How to make it."""
    return f"make it with PUT {PATHS[kind]}/{resource_id:.64}"


def whose(project_id: int | None) -> str:
    """A project in a message."""
    return "of no project" if project_id is None else f"of project {project_id}"
