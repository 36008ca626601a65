"""Resources as rows of a table of their own.

| partition | row key | what |
|---|---|---|
| `p:{project}`, or `p:` for none | `{kind}:{id}` | a resource, without its secrets |
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from shared.errors import Damaged, Invalid
from shared.projects import project_of
from shared.resources.model import Described, Kind, Resource
from shared.resources.repositories import Repository
from shared.resources.targets import Target
from shared.resources.webhooks import Webhook

MODELS: Mapping[Kind, type[Described]] = {
    Kind.WEBHOOK: Webhook,
    Kind.REPOSITORY: Repository,
    Kind.TARGET: Target,
}
_ROOM = 30_000
"""A property of a table holds 32,000 characters."""

D = TypeVar("D", bound=Described)


def key(kind: Kind, resource_id: str = "") -> str:
    return f"{kind}:{resource_id}"


def properties(resource: Resource[D]) -> dict[str, Any]:
    """Raises `Invalid` if it is too large for a row."""
    said = json.dumps(resource.what.model_dump(mode="json"), separators=(",", ":"))
    if len(said) > _ROOM:
        raise Invalid(
            "description",
            f"the {resource.kind} has {len(said):,} characters as JSON, and {_ROOM:,} can be kept",
        )
    return {
        "said": said,
        "name": resource.what.name,
        "has": ",".join(sorted(resource.has)),
        "ref": resource.ref,
        "disabled": resource.disabled,
        "revision": resource.revision,
        "created_at": resource.created_at.isoformat(),
        "updated_at": resource.updated_at.isoformat(),
    }


def to_resource(row: Mapping[str, Any], model: type[D]) -> Resource[D]:
    """Without its secrets. Raises `Damaged` if somebody wrote something else into the row."""
    try:
        kind, _, name = str(row["RowKey"]).partition(":")
        return Resource(
            kind=Kind(kind),
            id=name,
            project_id=project_of(str(row["PartitionKey"])),
            what=model.model_validate_json(cast(str, row["said"])),
            has=frozenset(filter(None, str(row["has"]).split(","))),
            ref=str(row["ref"]),
            disabled=str(row["disabled"]),
            revision=int(row["revision"]),
            created_at=datetime.fromisoformat(row["created_at"]),
            updated_at=datetime.fromisoformat(row["updated_at"]),
            etag=str(row["etag"]),
        )
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise Damaged(
            f"the row {row['RowKey']} of resources cannot be read: {type(error).__name__}"
        ) from error
