"""Who signed in with Microsoft Entra, as App Service authentication tells it.

The platform puts what it knows of a person into the header `X-MS-CLIENT-PRINCIPAL`: JSON in base64,
unsigned. It removes the header from requests that come from outside, but only while it is on. So
the header counts only if the setting ENTRA_SIGN_IN says so, and the platform says that it is on
(`gate`); then its provider and its tenant are compared with the settings.
https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities

ENTRA_ROLES says who may do what, by the names of app roles and the ids of groups:

    Belfry.Admin: admin all; Belfry.Shop: operator 1, 2; 7f3c9e7a-...: viewer 3
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.access.caller import Caller, Role
from shared.errors import Forbidden, Unauthenticated

HEADER = "x-ms-client-principal"
_ROOM = 64 * 1024
"""The longest header that is read; a person in 200 groups needs 20 KiB."""
_PROVIDER = "aad"
_TENANT = ("http://schemas.microsoft.com/identity/claims/tenantid", "tid")
_OBJECT = ("http://schemas.microsoft.com/identity/claims/objectidentifier", "oid")
_NAME = (
    "preferred_username",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "name",
)
_ROLES = (
    "roles",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
    "groups",
)
_NAME_ROOM = 200
_BY = "entra:"
"""What the key ids of people who signed in begin with."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a role or a group gives."""

    role: Role
    projects: frozenset[int] | None
    """None: all."""


Grants = Mapping[str, Grant]
"""By the name of an app role, or the id of a group."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """How people sign in."""

    tenant: str
    """The directory's id; people of others are refused."""
    grants: Grants


def grants(text: str) -> Grants:
    """Read ENTRA_ROLES. Raises `ValueError`."""
    found: dict[str, Grant] = {}
    for part in filter(None, (one.strip() for one in text.split(";"))):
        name, mark, gives = part.partition(":")
        name = name.strip()
        if not mark or not name or name in found:
            raise ValueError(f"{part!r:.60} is not one more `ROLE: admin all`")
        found[name] = _grant(gives.strip())
    return found


def _grant(text: str) -> Grant:
    word, _, rest = text.partition(" ")
    rest = rest.strip()
    if word not in list(Role):
        raise ValueError(f"{word!r:.60} is no role; use {', '.join(Role)}")
    if rest == "all":
        return Grant(Role(word), None)
    if not re.fullmatch(r"[0-9]{1,18}(\s*,\s*[0-9]{1,18})*", rest, re.ASCII):
        raise ValueError(f"say after {word} of which projects: all, or numbers such as 1, 2")
    return Grant(Role(word), frozenset(int(one) for one in rest.split(",")))


def caller(header: str, rules: SignIn) -> Caller:
    """Who signed in. Raises `Unauthenticated` if the header is not what the platform writes, or the
    person is of another provider or tenant; `Forbidden` if nothing is granted to that person.
    """
    said = _read(header)
    claims = _claims(said)
    if said.get("auth_typ") != _PROVIDER:
        raise _wrong("it is not of Microsoft Entra")
    if (_first(claims, _TENANT) or "").lower() != rules.tenant.lower():
        raise _wrong("it is of another tenant")
    person = _first(claims, _OBJECT)
    if not person:
        raise _wrong("it names nobody")
    name = (_first(claims, _NAME) or person)[:_NAME_ROOM]
    kinds = {*_ROLES, said.get("role_typ")}
    held = {value for kind, value in claims if kind in kinds}
    grant = _together([given for one, given in rules.grants.items() if one in held])
    if grant is None:
        raise Forbidden(f"{name} is signed in, and has no role here; ENTRA_ROLES gives roles")
    return Caller(name=name, role=grant.role, projects=grant.projects, key_id=f"{_BY}{person[:64]}")


def is_person(caller: Caller) -> bool:
    """Whether the caller signed in, and has no key."""
    return (caller.key_id or "").startswith(_BY)


def _together(given: list[Grant]) -> Grant | None:
    """The strongest role, for the projects of those that give it: of weaker ones nothing is added,
    since a caller has one role."""
    if not given:
        return None
    role = max((one.role for one in given), key=list(Role).index)
    those = [one.projects for one in given if one.role is role]
    if any(one is None for one in those):
        return Grant(role, None)
    return Grant(role, frozenset(project for one in those for project in one or ()))


def _read(header: str) -> Mapping[str, object]:
    if len(header) > _ROOM:
        raise _wrong(f"it is longer than {_ROOM} characters")
    try:
        said = json.loads(base64.b64decode(header, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise _wrong("it cannot be read") from None
    if not isinstance(said, dict):
        raise _wrong("it is no object")
    return said


def _claims(said: Mapping[str, object]) -> list[tuple[str, str]]:
    claims = said.get("claims")
    if not isinstance(claims, list):
        raise _wrong("it has no claims")
    found = []
    for one in claims:
        kind, value = (one.get("typ"), one.get("val")) if isinstance(one, dict) else (None, None)
        if not isinstance(kind, str) or not isinstance(value, str):
            raise _wrong("a claim of it cannot be read")
        found.append((kind, value))
    return found


def _first(claims: list[tuple[str, str]], kinds: tuple[str, ...]) -> str | None:
    """The value of the first of these kinds that is there."""
    return next((value for kind in kinds for one, value in claims if one == kind), None)


def _wrong(why: str) -> Unauthenticated:
    return Unauthenticated(f"the sign-in does not count: {why}", given=True)
