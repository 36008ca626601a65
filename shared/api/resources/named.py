"""How a route names a resource, and how that is found and shown."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from fastapi import Path, Query, Response
from pydantic import Field

from shared.access import Caller
from shared.api.answers import tagged
from shared.api.fields import formed
from shared.api.query import DIGITS, Boolean
from shared.api.resources.shapes.resource import ResourceOut
from shared.app import App
from shared.resources.model import Kind, Resource
from shared.resources.naming import PATHS
from shared.tasks.customers import ID

_FORM = Path(json_schema_extra={"pattern": f"^{ID}$"})
_FORMED = formed(ID, "give an id: 1 to 64 letters, digits, - and _")

WebhookId = Annotated[str, _FORM, _FORMED]
RepositoryId = Annotated[str, _FORM, _FORMED]
TargetId = Annotated[str, _FORM, _FORMED]

Project: TypeAlias = Annotated[
    Annotated[int, Field(ge=0, le=2**63 - 1), DIGITS] | Literal["none"] | None,
    Query(
        description="Whose it is; `none`: it belongs to no project. Needed if several projects of "
        "the caller have one of this id.",
    ),
]

Force: TypeAlias = Annotated[
    Boolean,
    Query(description="true: also if schedules name it; their runs fail then."),
]


def found(
    belfry: App,
    by: Caller,
    kind: Kind,
    resource_id: str,
    project_id: int | Literal["none"] | None,
) -> Resource[Any]:
    """The resource. Raises `NotFound`, and `Conflict` if the project must be said."""
    resources = belfry.resources()
    if project_id is None:
        project = resources.project_of(by, kind, resource_id)
    else:
        project = None if project_id == "none" else project_id
    return resources.get(by, kind, resource_id, project)


def path(one: Resource[Any]) -> str:
    """Where it is."""
    return f"{PATHS[one.kind]}/{one.id}"


def shown(
    one: Resource[Any], body: ResourceOut, status: int = 200, more: ResourceOut | None = None
) -> Response:
    """The resource as an answer, with its ETag."""
    return tagged(one, body, status, at=path(one) if status == 201 else None, more=more)
