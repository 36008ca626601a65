"""A workflow as people keep it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from shared.workflows.interval import ScheduleConfig, Timing, timing

WORKFLOW_ID = "[a-z][a-z0-9_-]{0,39}"
RESERVED = ("check", "events", "runs", "schema")
"""Words that are paths of the API, and no ids."""
MOST = 1000
"""The most workflows of a project."""
MOST_VERSIONS = 1000
"""The most versions that are listed of one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workflow:
    """A workflow, without what its definition says."""

    id: str
    project_id: int | None
    """None: it is the company's own."""
    name: str
    """As its definition says."""
    digest: str
    """The version of its definition."""
    is_active: bool = True
    """Whether it may be run, by anybody or by itself."""
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    last_run_at: datetime | None = None
    """The slot of its last run by itself."""
    last_run_id: str = ""
    revision: int = 1
    """Grows with each change by which people decide something."""
    saved_by: str
    """Who changed it last."""
    created_at: datetime
    updated_at: datetime
    made_by: str = ""
    """The request that made it, so that the same one, sent again, finds it."""
    etag: str = ""

    def timing(self, now: datetime) -> Timing:
        """Whether it is to run by itself now, and when next."""
        return timing(
            self.schedule, is_active=self.is_active, last_run_at=self.last_run_at, now=now
        )

    def stepped(self, after: Self, by: str, now: datetime) -> Self:
        """`after`, which replaces it, with its revision, who changed it and when; itself if nothing
        changes."""
        if after == self:
            return self
        return replace(after, revision=self.revision + 1, saved_by=by, updated_at=now)


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """A version of a definition that was saved once."""

    digest: str
    saved_by: str
    saved_at: datetime
    """When it was first saved."""
    text: str
    """Its canonical JSON."""
