"""`/api/v1/keys`: make, list, change, revoke. A key gives out no more than its own has."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from shared.access import Role
from shared.access.keys import KEY_ID, Key
from shared.api.answers import GUARDED, MADE, TAGGED, UNCHANGED, IfStill, Unless, tagged
from shared.api.deps import Asking, Provided
from shared.api.fields import formed
from shared.api.keys.shapes import KeyChange, KeyList, KeyMade, KeyOut, NewKey
from shared.api.lists import PAGE_SIZE, Page, PageSize, page_of
from shared.api.query import Boolean
from shared.api.roles import needs

router = APIRouter(prefix="/api/v1/keys", tags=["keys"])

KeyId = Annotated[
    str,
    Path(json_schema_extra={"pattern": f"^{KEY_ID}$"}),
    formed(KEY_ID, "it is no id of a key; GET /api/v1/keys lists them"),
]


@router.post("", status_code=201, response_model=KeyMade, responses=MADE)
@needs(Role.ADMIN)
def create_key(app: Provided, by: Asking, new: NewKey) -> Response:
    """Make a key. It is shown in this answer, and never again.

    From the first key on, each request needs one, or a sign-in; so the first must be of an admin of
    all projects.
    """
    projects = by.projects if new.projects is None else frozenset(new.projects)
    made = app().keys.create(by, new.name, new.role, projects, new.expires_at or by.until)
    at = f"{router.prefix}/{made.key.id}"
    more = KeyMade.made(made.key, made.text)
    return tagged(made.key, KeyOut.model_validate(made.key), 201, at=at, more=more)


@router.get("")
@needs(Role.ADMIN)
def list_keys(
    app: Provided,
    by: Asking,
    revoked: Boolean | None = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> KeyList:
    """The keys of the caller's projects, newest first; `revoked` chooses those that were, or were
    not. One that has expired is not revoked."""
    found = app().keys.all(by)
    wanted = [one for one in found if revoked is None or (one.revoked_at is not None) is revoked]
    items, told = page_of(wanted, page, page_size)
    return KeyList(keys=[KeyOut.model_validate(one) for one in items], **told)


@router.get("/{key_id}", response_model=KeyOut, responses=UNCHANGED)
@needs(Role.ADMIN)
def read_key(app: Provided, by: Asking, key_id: KeyId, unless: Unless) -> Response:
    """One key."""
    return unless(_shown(app().keys.get(by, key_id)))


@router.patch("/{key_id}", response_model=KeyOut, responses=TAGGED | GUARDED)
@needs(Role.ADMIN)
def change_key(
    app: Provided, by: Asking, key_id: KeyId, changes: KeyChange, still: IfStill
) -> Response:
    """Change what is given; other instances follow within seconds."""
    given: dict[str, Any] = {name: getattr(changes, name) for name in changes.model_fields_set}
    if given.get("projects") is not None:
        given["projects"] = frozenset(given["projects"])
    kept = {name: value for name, value in given.items() if value is not None or name in _CLEARED}

    def step(key: Key) -> Key:
        return replace(key, **kept)

    return _shown(app().keys.change(by, key_id, step, still=still))


@router.delete("/{key_id}", status_code=204, response_class=Response, responses=GUARDED)
@needs(Role.ADMIN)
def revoke_key(app: Provided, by: Asking, key_id: KeyId, still: IfStill) -> None:
    """Revoke it, for good; it stays in the list. Other instances follow within seconds. The last
    key of an admin of all projects is not revoked here."""
    app().keys.revoke(by, key_id, still=still)


def _shown(one: Key) -> Response:
    return tagged(one, KeyOut.model_validate(one))


_CLEARED = ("projects", "expires_at")
"""What null clears; for the others it is the same as leaving them out."""
