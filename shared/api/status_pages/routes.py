"""`/api/v1/status-pages`: what a project shows of its health checks to anybody (C12)."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Response

from shared.api import scope
from shared.api.answers import GUARDED, MADE, TAGGED, UNCHANGED, IfStill, Unless, tagged
from shared.api.deps import Asking, Provided
from shared.api.fields import formed
from shared.api.health_checks.routes import TASK
from shared.api.idempotency import Once
from shared.api.lists import PAGE_SIZE, Page, PageSize, counts
from shared.api.status_pages.shapes import (
    NewStatusPage,
    ShownCheckIn,
    StatusPageChange,
    StatusPageList,
    StatusPageOut,
)
from shared.app import App
from shared.engine.commands.agreed import Agreed
from shared.errors import Invalid, NotFound
from shared.probes.pages import SLUG, ShownCheck, StatusPage

router = APIRouter(prefix="/api/v1/status-pages", tags=["status_pages"])

PageSlug = Annotated[
    str,
    Path(json_schema_extra={"pattern": f"^{SLUG}$"}),
    formed(SLUG, "it is no name of a status page; GET /api/v1/status-pages lists them"),
]


@router.post("", status_code=201, response_model=StatusPageOut, responses=MADE)
def create_status_page(app: Provided, by: Asking, once: Once, new: NewStatusPage) -> Response:
    """Make a page. Anybody who knows its path may read it, without a key. A caller of one project
    makes it there."""
    belfry = app()
    project = scope.new_project(by, new.project_id)
    checks = _shown(belfry, by, project, new.checks)

    def make(agreed: Agreed) -> Response:
        made = belfry.status_pages().create(
            by, project, new.title, new.description, checks, new.slug, agreed=agreed
        )
        return _told(made, 201, at=f"{router.prefix}/{made.slug}")

    return once.answered(belfry, make)


@router.get("")
def list_status_pages(
    app: Provided, by: Asking, page: Page = 1, page_size: PageSize = PAGE_SIZE
) -> StatusPageList:
    """The status pages, newest first."""
    found, total = app().status_pages().page(by, page, page_size)
    return StatusPageList(
        status_pages=[StatusPageOut.of(one) for one in found], **counts(total, page, page_size)
    )


@router.get("/{slug}", response_model=StatusPageOut, responses=UNCHANGED)
def read_status_page(app: Provided, by: Asking, slug: PageSlug, unless: Unless) -> Response:
    """One page, as its owners decided it."""
    return unless(_told(app().status_pages().get(by, slug)))


@router.patch("/{slug}", response_model=StatusPageOut, responses=TAGGED | GUARDED)
def change_status_page(
    app: Provided, by: Asking, slug: PageSlug, changes: StatusPageChange, still: IfStill
) -> Response:
    """Change what is given. Readers see it within a minute."""
    belfry = app()
    project = belfry.status_pages().get(by, slug).project_id
    checks = None if changes.checks is None else _shown(belfry, by, project, changes.checks)

    def step(page: StatusPage) -> StatusPage:
        return replace(
            page,
            title=changes.title if changes.title is not None else page.title,
            description=page.description if changes.description is None else changes.description,
            checks=page.checks if checks is None else checks,
        )

    return _told(belfry.status_pages().change(by, slug, step, still=still))


@router.delete("/{slug}", status_code=204, response_class=Response, responses=GUARDED)
def delete_status_page(app: Provided, by: Asking, slug: PageSlug, still: IfStill) -> None:
    """Delete it: nobody reads it any more, within a minute."""
    app().status_pages().delete(by, slug, still=still)


def _shown(
    belfry: App, by: Asking, project: int | None, checks: list[ShownCheckIn]
) -> tuple[ShownCheck, ...]:
    """The checks. Raises `Invalid` for a schedule that is no health check of the project."""
    for number, one in enumerate(checks):
        try:
            found = scope.schedule(belfry, by, one.schedule_id).definition
        except NotFound:
            found = None
        if found is None or found.project_id != project or found.task_type != TASK:
            said = f"{one.schedule_id} is no health check of the page's project"
            raise Invalid(f"checks.{number}.schedule_id", said)
    return tuple(one.shown() for one in checks)


def _told(page: StatusPage, status: int = 200, *, at: str | None = None) -> Response:
    return tagged(page, StatusPageOut.of(page), status, at=at)
