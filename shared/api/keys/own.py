"""`GET /api/v1/caller`: who the API takes the caller for, and what it may touch."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import field_serializer

from shared.access import Role
from shared.api.deps import Asking
from shared.api.shown import Shown

router = APIRouter(prefix="/api/v1/caller", tags=["keys"])


class CallerOut(Shown):
    """Who asks."""

    name: str
    """As the audit shows it: the key's name, or a person's address."""
    role: Role
    projects: frozenset[int] | None
    """The projects that it sees and touches; null: all, and what belongs to none."""
    key_id: str | None
    until: datetime | None
    """When its key expires; null: never, or it came without a key."""

    @field_serializer("projects")
    def _in_order(self, projects: frozenset[int] | None) -> list[int] | None:
        return None if projects is None else sorted(projects)


@router.get("")
def read_caller(by: Asking) -> CallerOut:
    """Who the API takes the caller for. Any role may ask."""
    return CallerOut.model_validate(by)
