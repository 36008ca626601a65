"""What one run leaves to the next: the verdict, what was measured, the last changes. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.scaling.measures import Measures
from shared.scaling.policy import Level, Scale, Verdict

MOST = 20
"""So many changes are kept."""


class ChangeOutcome(StrEnum):
    """What became of a change."""

    PENDING = "pending"
    """It is about to be sent; or it was, and its run was killed."""
    SENT = "sent"
    """Azure accepted it; the app does not show it yet."""
    APPLIED = "applied"
    """The app was read afterwards, and shows it."""
    REFUSED = "refused"
    """A person must do something first; `error` says what."""
    POSTPONED = "postponed"
    """It did not succeed; the next run tries again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A change of the app's settings."""

    at: datetime
    job_id: str
    level: Level
    before: Scale
    after: Scale
    outcome: ChangeOutcome
    error: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What the last run found and decided."""

    verdict: Verdict
    measures: Measures
    now_set: Scale | None
    """What is set at the app; None if it was not read."""
    wanted: Scale | None
    """What should be set; None if that is what is set."""
    held_back: str | None = None
    """Why what should be set is not being set, in words."""
    wait_until: datetime | None = None
    """Azure asked not to be asked before."""
    changes: tuple[Change, ...] = ()
    """The last ones, the newest first."""

    def with_change(self, change: Change) -> State:
        """With that change: in the place of the same one, if it is there, or else the newest."""
        same = [(one.at, one.job_id) == (change.at, change.job_id) for one in self.changes]
        if not any(same):
            return replace(self, changes=(change, *self.changes)[:MOST])
        pairs = zip(self.changes, same, strict=True)
        return replace(self, changes=tuple(change if it else one for one, it in pairs))
