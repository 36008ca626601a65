"""`/api/v1/applied`: what was applied from files, and what differs from it (drift)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from shared.api.answers import GUARDED
from shared.api.applied.shapes import AppliedList, AppliedOut, NewApplied
from shared.api.deps import Asking, Provided
from shared.api.lists import PAGE_SIZE, Page, PageSize, page_of
from shared.api.places import any_parts

router = APIRouter(prefix="/api/v1/applied", tags=["applied"])


any_parts("owner")  # an owner may have slashes
_OWNER = "/{owner:owner}"

_PART = "[A-Za-z0-9][A-Za-z0-9._-]*"
Owner = Annotated[str, Path(pattern=f"^{_PART}(/{_PART})*$", max_length=100)]


@router.get("")
def list_applied(
    app: Provided, by: Asking, page: Page = 1, page_size: PageSize = PAGE_SIZE
) -> AppliedList:
    """What was applied from files, by owner, and what differs from it now."""
    items, told = page_of(app().applied.all(by), page, page_size)
    return AppliedList(applied=[AppliedOut.of(one) for one in items], **told)


@router.put(_OWNER, responses=GUARDED)
def keep_applied(app: Provided, by: Asking, owner: Owner, new: NewApplied) -> AppliedOut:
    """Say what was applied for an owner: `belfry apply` does so at its end. What is changed,
    deleted or added from then on is drift, of which people are told. It takes the place of what was
    said before for the caller's projects."""
    found = app().applied.put(by, owner, new.known_schedules(), new.known_calendars())
    return AppliedOut.of(found)


@router.get(_OWNER)
def read_applied(app: Provided, by: Asking, owner: Owner) -> AppliedOut:
    """What was applied for one owner, and what differs from it now."""
    return AppliedOut.of(app().applied.get(by, owner))


@router.delete(_OWNER, status_code=204, response_class=Response)
def forget_applied(app: Provided, by: Asking, owner: Owner) -> None:
    """Watch an owner's schedules no more. They stay as they are."""
    app().applied.remove(by, owner)
