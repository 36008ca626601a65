"""What a cycle knows of a tenant's owners. All of it is sums: nobody is named."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict


class Cohort(BaseModel):
    """The owners whose first visit was in one month of the tenant's zone."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    month: str
    """Such as `2026-09`."""
    owners: int
    returned: int
    """Of these, who came on another day, too."""
    active: int
    """Of these, who came in the last 90 days."""


class Figures(BaseModel):
    """A tenant's figures."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    as_of: datetime
    owners: int
    reachable: int
    """With a phone number, and an opt-in."""
    active_by_week: tuple[int, ...]
    """Owners who came or booked in each of the last weeks, oldest first. A week begins on Monday in
    the tenant's zone, and the last one is over."""
    logins_by_week: tuple[int, ...]
    """The counter `logins` in the same weeks; zeros if nobody counts."""
    cohorts: tuple[Cohort, ...]
    """Of the last months, oldest first; the present month is the last."""
    regulars: int
    """Owners who came on three days or more, so that they have an interval of their own."""
    at_risk: int
    """Of these, who have not come for twice their interval or longer, and have no appointment."""
    lost: int
    """Of these, for six times their interval or longer."""
    messages: Mapping[str, int] = {}
    """Of the campaigns begun in the last 8 weeks: messages by what became of them, such as
    `delivered`."""

    @property
    def active(self) -> int:
        """Active owners of the last week."""
        return self.active_by_week[-1] if self.active_by_week else 0

    @property
    def reach(self) -> float | None:
        """The share of owners who can be written to; None of nobody."""
        return self.reachable / self.owners if self.owners else None
