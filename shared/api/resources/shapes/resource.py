"""What the API takes and returns for resources of all kinds.

Secrets are taken, and never returned: `secrets` says which there are. The one exception is a
signing key that Belfry made, which the answer shows that tells of it, and no other.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field

from shared.api.fields import Input, formed
from shared.api.shown import Shown
from shared.resources.model import Resource
from shared.resources.wanted import Wanted
from shared.settings import Secret

_URL = "https?://[!-~]+"

Url = Annotated[
    str,
    Field(max_length=2000, json_schema_extra={"pattern": f"^{_URL}$"}),
    formed(_URL, "give a URL such as https://example.com/shop"),
]
SecretText = Annotated[str, Field(min_length=1, max_length=4000)]
Description = Annotated[str, Field(max_length=2000)]


class Said(Input):
    """What is said of a resource: fields of its model, and secrets."""

    PLAIN: ClassVar[tuple[str, ...]]
    SECRET: ClassVar[tuple[str, ...]] = ()

    def wanted(self) -> Wanted:
        """What is given; what is null or left out has its default."""
        given = {name: getattr(self, name) for name in self.PLAIN}
        return Wanted(
            fields={name: one for name, one in given.items() if one is not None},
            secrets=self.secrets(),
        )

    def secrets(self) -> dict[str, Secret | None]:
        """The secrets to set; null removes one."""
        named = {name: getattr(self, name) for name in self.SECRET if name in self.model_fields_set}
        return {name: None if one is None else Secret(one) for name, one in named.items()}

    def onto(self, one: Resource[Any]) -> Wanted:
        """What the resource is to be; what is left out stays, and so does what is null, except
        secrets."""
        was = {name: getattr(one.what, name) for name in self.PLAIN}
        changed = self.wanted()
        return Wanted(fields=was | dict(changed.fields), secrets=changed.secrets)


class Disabled(Input):
    """Why it is disabled."""

    reason: str = Field(default="", max_length=500)


class ResourceOut(Shown):
    """What all kinds have in common."""

    id: str
    project_id: int | None
    name: str
    description: str
    enabled: bool
    disabled_reason: str | None
    """Why it takes part in nothing now."""
    secrets: dict[str, bool]
    """Which secrets it has; their values are never shown."""
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, one: Resource[Any]) -> Self:
        return cls(**cls._fields(one))

    @classmethod
    def _fields(cls, one: Resource[Any]) -> dict[str, Any]:
        own = {name: getattr(one.what, name, None) for name in cls.model_fields}
        return own | {
            "id": one.id,
            "project_id": one.project_id,
            "enabled": not one.disabled,
            "disabled_reason": one.disabled or None,
            "secrets": {name: name in one.has for name in type(one.what).SECRETS},
            "created_at": one.created_at,
            "updated_at": one.updated_at,
        }
