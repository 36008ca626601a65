"""`/api/v1/repositories`: what `analysis` reads."""

from __future__ import annotations

from fastapi import APIRouter, Response

from shared.api import scope
from shared.api.answers import GUARDED, MADE, TAGGED, UNCHANGED, IfStill, Unless
from shared.api.deps import Asking, Provided
from shared.api.idempotency import Once
from shared.api.lists import PAGE_SIZE, Page, PageSize, counts
from shared.api.query import Number
from shared.api.resources.named import Force, Project, RepositoryId, found, shown
from shared.api.resources.shapes.repositories import (
    NewRepository,
    RepositoryChange,
    RepositoryList,
    RepositoryOut,
)
from shared.api.resources.shapes.resource import Disabled
from shared.engine.commands.agreed import Agreed
from shared.resources.model import Kind

router = APIRouter(prefix="/api/v1/repositories", tags=["repositories"])

_KIND = Kind.REPOSITORY
_ID = "/{repository_id}"


@router.post("", status_code=201, response_model=RepositoryOut, responses=MADE)
def create_repository(app: Provided, by: Asking, once: Once, new: NewRepository) -> Response:
    """Make a Git repository known. A caller of one project makes it there."""
    belfry = app()
    project = scope.new_project(by, new.project_id)

    def make(agreed: Agreed) -> Response:
        made = belfry.resources().create(by, _KIND, project, new.wanted(), agreed=agreed)
        return shown(made.resource, RepositoryOut.of(made.resource), 201)

    return once.answered(belfry, make)


@router.get("")
def list_repositories(
    app: Provided,
    by: Asking,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
    project_id: Number | None = None,
) -> RepositoryList:
    """The repositories of the caller's projects, by project and id."""
    listed = app().resources().page(by, _KIND, project_id, page, page_size)
    items = [RepositoryOut.of(one) for one in listed.items]
    return RepositoryList(repositories=items, **counts(listed.total, page, page_size))


@router.get(_ID, response_model=RepositoryOut, responses=UNCHANGED)
def read_repository(
    app: Provided,
    by: Asking,
    repository_id: RepositoryId,
    unless: Unless,
    project_id: Project = None,
) -> Response:
    """One repository."""
    one = found(app(), by, _KIND, repository_id, project_id)
    return unless(shown(one, RepositoryOut.of(one)))


@router.put(_ID, response_model=RepositoryOut, responses={**TAGGED, **MADE, **GUARDED})
def put_repository(
    app: Provided, by: Asking, repository_id: RepositoryId, new: NewRepository, still: IfStill
) -> Response:
    """Make a repository known under an id of one's own (201), or say anew what it is (200): what is
    left out has its default then, except the token, which stays."""
    project = scope.new_project(by, new.project_id)
    made = app().resources().put(by, _KIND, repository_id, project, new.wanted(), still=still)
    return shown(made.resource, RepositoryOut.of(made.resource), 201 if made.is_new else 200)


@router.patch(_ID, response_model=RepositoryOut, responses=TAGGED | GUARDED)
def change_repository(
    app: Provided,
    by: Asking,
    repository_id: RepositoryId,
    changes: RepositoryChange,
    still: IfStill,
    project_id: Project = None,
) -> Response:
    """Change what is given."""
    belfry = app()
    one = found(belfry, by, _KIND, repository_id, project_id)
    made = belfry.resources().change(by, one, changes.onto, still=still).resource
    return shown(made, RepositoryOut.of(made))


@router.delete(_ID, status_code=204, response_class=Response, responses=GUARDED)
def delete_repository(
    app: Provided,
    by: Asking,
    repository_id: RepositoryId,
    still: IfStill,
    project_id: Project = None,
    force: Force = False,
) -> None:
    """Delete it, with its secrets. Refused while schedules name it, unless `force`."""
    belfry = app()
    one = found(belfry, by, _KIND, repository_id, project_id)
    belfry.resources().delete(by, one, force=force, still=still)


@router.post(_ID + "/enable", response_model=RepositoryOut, responses=TAGGED | GUARDED)
def enable_repository(
    app: Provided,
    by: Asking,
    repository_id: RepositoryId,
    still: IfStill,
    project_id: Project = None,
) -> Response:
    """Let tasks work on it again."""
    belfry = app()
    one = found(belfry, by, _KIND, repository_id, project_id)
    made = belfry.resources().enable(by, one, still=still)
    return shown(made, RepositoryOut.of(made))


@router.post(_ID + "/disable", response_model=RepositoryOut, responses=TAGGED | GUARDED)
def disable_repository(
    app: Provided,
    by: Asking,
    repository_id: RepositoryId,
    still: IfStill,
    request: Disabled | None = None,
    project_id: Project = None,
) -> Response:
    """Let no task work on it, until it is enabled."""
    belfry = app()
    one = found(belfry, by, _KIND, repository_id, project_id)
    reason = request.reason if request else ""
    made = belfry.resources().disable(by, one, reason, still=still)
    return shown(made, RepositoryOut.of(made))
