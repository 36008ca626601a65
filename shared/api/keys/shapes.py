"""What the API takes and returns for keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, field_serializer

from shared.access import Role
from shared.access.keys import Key
from shared.api.fields import Input, Instant, Name, ProjectId
from shared.api.lists import Paged
from shared.api.shown import Shown

Projects = Annotated[list[ProjectId], Field(min_length=1, max_length=1000)]


class NewKey(Input):
    """A key to be made."""

    name: Name
    """Whose it is, or what for; the audit shows it."""
    role: Role
    projects: Projects | None = None
    """The projects that it sees and touches. Default: those of the caller, or all if it has
    all."""
    expires_at: Instant | None = None
    """When it stops to count. Default: null, never; from a key that expires: when that one does."""


class KeyChange(Input):
    """What is to change; what is left out stays."""

    name: Name | None = None
    role: Role | None = None
    projects: Projects | None = None
    """Null: all projects."""
    expires_at: Instant | None = None
    """Null: never."""


class KeyOut(Shown):
    """A key; the key itself is shown only when it is made."""

    id: str
    """What its text has between the first `_` and the second."""
    name: str
    role: Role
    projects: frozenset[int] | None
    """The projects that it sees and touches; null: all."""
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    """To some minutes; null: it was never used."""
    revoked_at: datetime | None
    revoked_by: str
    """Empty if it was not revoked."""

    @field_serializer("projects")
    def _in_order(self, projects: frozenset[int] | None) -> list[int] | None:
        return None if projects is None else sorted(projects)


class KeyMade(KeyOut):
    """A key that was made."""

    key: str
    """Send it as `Authorization: Bearer bfy_...`. It is shown this once, and stored nowhere."""

    @classmethod
    def made(cls, key: Key, text: str) -> Self:
        return cls(
            **KeyOut.model_validate(key).model_dump(exclude={"projects"}),
            projects=key.projects,
            key=text,
        )


class KeyList(Paged):
    keys: list[KeyOut]
