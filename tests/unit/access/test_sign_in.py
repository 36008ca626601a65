"""Who signed in, by what the platform says of them; whatever it is not, is nobody."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.access import Role
from shared.access.sign_in import SignIn, caller, grants
from shared.errors import Forbidden, Unauthenticated

TENANT = "11111111-2222-3333-4444-555555555555"
RULES = SignIn(
    TENANT,
    grants("Belfry.Admin: admin all; Belfry.Shop: operator 1, 2; g-1: operator 3; g-2: viewer all"),
)


def header(*roles: str, **said: Any) -> str:
    claims = [
        {"typ": "http://schemas.microsoft.com/identity/claims/tenantid", "val": TENANT},
        {"typ": "http://schemas.microsoft.com/identity/claims/objectidentifier", "val": "oid-1"},
        {"typ": "preferred_username", "val": "ana@example.com"},
        *({"typ": "roles" if "." in one else "groups", "val": one} for one in roles),
    ]
    whole = {"auth_typ": "aad", "name_typ": "n", "role_typ": "roles", "claims": claims} | said
    return base64.b64encode(json.dumps(whole).encode()).decode()


def test_a_person_has_what_their_roles_and_groups_give() -> None:
    found = caller(header("Belfry.Shop"), RULES)
    assert (found.name, found.role, found.projects) == (
        "ana@example.com",
        Role.OPERATOR,
        frozenset([1, 2]),
    )
    assert found.key_id == "entra:oid-1"
    assert caller(header("Belfry.Shop", "g-1"), RULES).projects == frozenset([1, 2, 3])
    weaker = caller(header("Belfry.Shop", "g-2"), RULES)
    assert (weaker.role, weaker.projects) == (Role.OPERATOR, frozenset([1, 2]))
    both = caller(header("Belfry.Shop", "Belfry.Admin"), RULES)
    assert (both.role, both.projects) == (Role.ADMIN, None)


@pytest.mark.parametrize("roles", [(), ("Belfry.Other",), ("belfry.admin",)])
def test_a_person_without_a_role_here_is_refused(roles: tuple[str, ...]) -> None:
    with pytest.raises(Forbidden, match="is signed in, and has no role here"):
        caller(header(*roles), RULES)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ("", "it cannot be read"),
        ("%%%", "it cannot be read"),
        ("bm90IGpzb24=", "it cannot be read"),
        (base64.b64encode(b"[" * 100_000).decode()[:60_000], "it cannot be read"),
        (base64.b64encode(b"[1]").decode(), "it is no object"),
        (base64.b64encode(b'{"auth_typ": "aad"}').decode(), "it has no claims"),
        ("A" * 70_000, "it is longer than"),
        (header("Belfry.Admin", claims=["x"]), "a claim of it cannot be read"),
        (header("Belfry.Admin", claims=[{"typ": 1, "val": []}]), "a claim of it cannot be read"),
        (header("Belfry.Admin", auth_typ="google"), "it is not of Microsoft Entra"),
        (
            header("Belfry.Admin", claims=[{"typ": "tid", "val": "other"}]),
            "it is of another tenant",
        ),
        (header("Belfry.Admin", claims=[{"typ": "tid", "val": TENANT}]), "it names nobody"),
    ],
)
def test_what_the_platform_does_not_write_is_nobody(sent: str, said: str) -> None:
    with pytest.raises(Unauthenticated, match=said):
        caller(sent, RULES)


@given(
    st.text(max_size=300) | st.binary(max_size=300).map(lambda one: base64.b64encode(one).decode())
)
def test_no_other_header_is_anybody(sent: str) -> None:
    with pytest.raises(Unauthenticated):
        caller(sent, RULES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Belfry.Admin", "is not one more"),
        (": admin all", "is not one more"),
        ("a: admin all; a: viewer 1", "is not one more"),
        ("a: emperor all", "is no role"),
        ("a: admin", "of which projects"),
        ("a: admin 1,", "of which projects"),
        ("a: admin \u0661", "of which projects"),
    ],
)
def test_what_is_wrong_with_the_setting_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        grants(text)
