"""Filters by tags: `?tags.team=backend&tags.priority=high`.

In OpenAPI that is one parameter, an object whose members are parameters of the query (style `form`,
exploded), because the names of tags are people's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from fastapi import Depends, Request

from shared.errors import Invalid

PREFIX = "tags."
PARAMETER: Mapping[str, Any] = {
    "name": "tags",
    "in": "query",
    "required": False,
    "style": "form",
    "explode": True,
    "schema": {
        "type": "object",
        "propertyNames": {"type": "string", "pattern": rf"^{PREFIX[:-1]}\.[A-Za-z0-9_]+$"},
        "additionalProperties": {"type": "string"},
    },
}
"""The parameter in the description of a route that takes `Tagged`."""
_EXAMPLE = "give the tag's name, such as tags.team=backend"


async def wanted(request: Request) -> Mapping[str, str]:
    """The tags that are asked for, by name."""
    given = request.query_params.items()
    found = {name[len(PREFIX) :]: value for name, value in given if name.startswith(PREFIX)}
    if "" in found:
        raise Invalid(PREFIX, _EXAMPLE)
    return found


Tagged: TypeAlias = Annotated[Mapping[str, str], Depends(wanted)]


def has(tags: Mapping[str, str], asked: Mapping[str, str]) -> bool:
    """Whether each tag that is asked for is there, with that value."""
    return all(tags.get(name) == value for name, value in asked.items())
