"""How people sign in with Microsoft Entra, by the settings ENTRA_SIGN_IN, ENTRA_TENANT_ID and
ENTRA_ROLES, and whether the platform's word on them counts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.access.sign_in import SignIn, grants
from shared.settings import Settings

_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


def people(settings: Settings) -> SignIn | None:
    """How people sign in; None if they do not, or if nothing keeps others from writing the header
    that says who signed in."""
    said = settings.access
    if not (said.sign_in and said.platform_signs_in):
        return None
    return SignIn(said.tenant, grants(said.roles))


def wrong_in(settings: Settings) -> Iterator[str]:
    """What is wrong with the settings."""
    said = settings.access
    if said.sign_in and not _ID.fullmatch(said.tenant):
        yield f"ENTRA_TENANT_ID is {said.tenant!r}; ENTRA_SIGN_IN needs the directory's id, a GUID"
    try:
        given = grants(said.roles)
    except ValueError as error:
        yield f"ENTRA_ROLES is {said.roles!r}; {error}"
        return
    if said.sign_in and not given:
        yield "ENTRA_ROLES is not set; say who may do what, such as `Belfry.Admin: admin all`"
