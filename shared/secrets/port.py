"""What a store of secrets does.

Secrets are never changed: each change stores all secrets of an owner anew, under a name of its own
(`ref`), and the owner's row then names the new ones. So a process that is killed in between leaves
secrets that no row names, and never a row without its secrets, or with those of another version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.projects import name_of
from shared.settings import Secret


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """Whose secrets they are: a resource."""

    kind: str
    id: str
    project_id: int | None

    def __str__(self) -> str:
        return f"{name_of(self.project_id)}/{self.kind}/{self.id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Secrets that are stored, without their values."""

    owner: Owner
    ref: str
    at: datetime
    """When they were stored."""


class SecretStore(Protocol):
    """Every method raises `Unavailable`, `Refused` or `Misconfigured`."""

    def put(self, owner: Owner, values: Mapping[str, Secret]) -> str:
        """Store secrets; returns the name under which they are."""

    def get(self, owner: Owner, ref: str) -> Mapping[str, Secret] | None:
        """The secrets; None if they are gone. Raises `Damaged` if they are not this owner's, or
        were changed by others."""

    def remove(self, owner: Owner, ref: str) -> None:
        """Remove them; harmless if they are gone."""

    def all(self) -> Iterator[Kept]:
        """Everything that is stored, in no order."""
