"""What a check of parameters is told, besides the parameters."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposed:
    """A schedule that is about to be made or changed."""

    new: Collection[str] = ()
    """The names of the parameters that are new; if it gets another project, all are."""
    project_id: int | None = None
    """Its project: what its parameters name must belong to the same one."""
