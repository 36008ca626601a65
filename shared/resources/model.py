"""A resource: what a customer's task works on, such as a webhook. Pure.

It belongs to one project, or to none (the company's own); only schedules of the same project may
name it. Its secrets are kept apart, and are never shown again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared.settings import Secret
from shared.text import refuse_unclean


class Kind(StrEnum):
    """The kinds of resources."""

    WEBHOOK = "webhook"
    REPOSITORY = "repository"
    TARGET = "target"


class Described(BaseModel):
    """What a person says of a resource of any kind, without its secrets."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    SECRETS: ClassVar[tuple[str, ...]] = ()
    """The names of the secrets that a resource of this kind may have."""

    name: str = Field(min_length=1, max_length=200)
    description: str = Field(default="", max_length=2000)

    @field_validator("*", mode="before")
    @classmethod
    def _is_clean(cls, value: object) -> object:
        refuse_unclean(value)
        return value


D = TypeVar("D", bound=Described)


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource(Generic[D]):
    """A resource, as it is stored."""

    kind: Kind
    id: str
    """Unique among those of its kind and project."""
    project_id: int | None
    what: D
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    """By their names; only those that are set. Empty if it was read without them."""
    has: frozenset[str] = frozenset()
    """The names of the secrets that are set."""
    ref: str = ""
    """Under which name its secrets are kept; empty if it has none."""
    disabled: str = ""
    """Why it takes part in nothing now; empty if it does."""
    created_at: datetime
    updated_at: datetime
    revision: int = 1
    """Grows with each change by a person, and when it is disabled."""
    etag: str = ""
