"""What the API takes and returns of status pages."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from shared.api.fields import Input, Name, ProjectId, formed
from shared.api.lists import Paged
from shared.api.shown import Shown
from shared.probes.model import Standing
from shared.probes.pages import MOST_CHECKS, SLUG, ShownCheck, StatusPage
from shared.schedules.job import SCHEDULE_ID

PATH = "/status"
_WRONG = "give 3 to 60 letters from a to z, digits, and - between them"

Slug = Annotated[str, Field(json_schema_extra={"pattern": f"^{SLUG}$"}), formed(SLUG, _WRONG)]
_ScheduleId = Annotated[
    str,
    Field(json_schema_extra={"pattern": f"^{SCHEDULE_ID}$"}),
    formed(SCHEDULE_ID, "it is no id of a schedule"),
]
_PublicName = Annotated[Name, StringConstraints(max_length=80)]


class ShownCheckIn(Input):
    """A health check on a page."""

    schedule_id: _ScheduleId
    name: _PublicName
    """What the page calls it. The schedule's own name and its target are not shown."""

    def shown(self) -> ShownCheck:
        return ShownCheck(schedule_id=self.schedule_id, name=self.name)


_Checks = Annotated[list[ShownCheckIn], Field(max_length=MOST_CHECKS)]


class _Fields(Input):
    @model_validator(mode="after")
    def _each_once(self) -> Self:
        ids = [one.schedule_id for one in getattr(self, "checks", None) or ()]
        if len(ids) > len(set(ids)):
            raise ValueError("checks: a schedule is named twice")
        return self


class NewStatusPage(_Fields):
    """A status page to be made."""

    title: _PublicName
    description: str = Field(default="", max_length=500)
    project_id: ProjectId | None = None
    """Whose health checks it shows."""
    slug: Slug | None = None
    """Its name in its URL. Default: one that nobody guesses."""
    checks: _Checks = Field(default_factory=list)
    """In the order in which they are shown."""


class StatusPageChange(_Fields):
    """What may be changed. The slug may not: people have the page's URL."""

    title: _PublicName | None = None
    description: str | None = Field(default=None, max_length=500)
    checks: _Checks | None = None


class ShownCheckOut(Shown):
    schedule_id: str
    name: str


class StatusPageOut(Shown):
    """A status page."""

    slug: str
    project_id: int | None
    title: str
    description: str
    checks: list[ShownCheckOut]
    path: str
    """Where anybody reads it; with `.json` or `/badge.svg` behind it, as JSON or as a badge."""
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, page: StatusPage) -> Self:
        return cls(
            slug=page.slug,
            project_id=page.project_id,
            title=page.title,
            description=page.description,
            checks=[ShownCheckOut.model_validate(one) for one in page.checks],
            path=f"{PATH}/{page.slug}",
            created_at=page.created_at,
            updated_at=page.updated_at,
        )


class StatusPageList(Paged):
    status_pages: list[StatusPageOut]


class PublicDay(Shown):
    """A day (UTC) of a check."""

    day: date
    uptime: float | None


class PublicCheckOut(Shown):
    """What a page says of a check."""

    name: str
    status: Standing
    uptime: dict[str, float | None]
    """In percent, by span: 24h, 7d, 30d, 90d."""
    median_ms: float | None
    days: list[PublicDay]


class PublicPage(Shown):
    """What a page says."""

    title: str
    description: str
    status: Standing
    """The worst of its checks."""
    updated_at: datetime | None
    checks: list[PublicCheckOut]
