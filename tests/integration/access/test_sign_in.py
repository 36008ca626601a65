"""People who sign in with Microsoft Entra; and the header that says so, where nobody may believe
it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from local.azurite import Azurite
from shared.access import Role
from shared.errors import Misconfigured
from shared.keys import people
from shared.settings import from_env
from tests.integration.access.asking import Asking
from tests.integration.engine.conftest import make
from tests.unit.access.test_sign_in import TENANT, header

TASKS, SCHEDULES, COSTS = "/api/v1/tasks", "/api/v1/schedules", "/api/v1/costs"
ON = {
    "ENTRA_SIGN_IN": "true",
    "ENTRA_TENANT_ID": TENANT,
    "ENTRA_ROLES": "Belfry.Admin: admin all; Belfry.Shop: viewer 1",
}
PLATFORM = {"WEBSITE_SITE_NAME": "belfry", "WEBSITE_AUTH_ENABLED": "True"}
PRINCIPAL = "x-ms-client-principal"
ADMIN = {PRINCIPAL: header("Belfry.Admin")}
Started = Callable[..., Asking]


@pytest.fixture
def started(azurite: Azurite) -> Started:
    return lambda **environ: Asking(make(azurite, environ=environ).app)


def test_a_person_is_who_the_platform_says(started: Started) -> None:
    client = started(**ON, **PLATFORM)
    assert client.ask("GET", COSTS, headers=ADMIN).status_code == 200
    shop = {PRINCIPAL: header("Belfry.Shop")}
    assert client.ask("GET", SCHEDULES, headers=shop).status_code == 200
    assert client.ask("GET", COSTS, headers=shop).status_code == 403
    assert client.ask("POST", f"{SCHEDULES}/x/enable", headers=shop).status_code == 403
    nobody = {PRINCIPAL: header("Belfry.Other")}
    assert "has no role here" in client.problem(403, "GET", TASKS, headers=nobody)
    for sent in ("", "%%%", header("Belfry.Admin", auth_typ="google")):
        said = client.problem(401, "GET", TASKS, headers={PRINCIPAL: sent})
        assert "does not count" in said or sent == ""


def test_where_people_sign_in_nobody_comes_in_without(started: Started) -> None:
    client = started(**ON, **PLATFORM)
    assert "or sign in" in client.problem(401, "GET", TASKS), "though no key was made"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        PLATFORM,
        {**ON, "ENTRA_SIGN_IN": "false", **PLATFORM},
    ],
)
def test_where_sign_in_is_off_the_header_is_nothing(
    started: Started, environ: dict[str, str]
) -> None:
    client = started(**environ)
    key = client.key(Role.ADMIN)
    assert client.ask("GET", TASKS, headers=ADMIN).status_code == 401
    viewer = client.key(Role.VIEWER, 1)
    assert client.ask("GET", COSTS, viewer, headers=ADMIN).status_code == 403
    assert client.ask("GET", COSTS, key, headers=ADMIN).status_code == 200


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WEBSITE_AUTH_ENABLED": "true"},
        {"WEBSITE_SITE_NAME": "belfry"},
        {"WEBSITE_SITE_NAME": "belfry", "WEBSITE_AUTH_ENABLED": "false"},
    ],
)
def test_where_the_platform_does_not_sign_in_the_header_is_forged(
    started: Started, environ: dict[str, str]
) -> None:
    client = started(**ON, **environ)
    said = client.problem(401, "GET", TASKS, headers=ADMIN)
    assert "App Service authentication is off" in said
    key = client.key(Role.ADMIN)
    assert client.ask("GET", TASKS, key, headers=ADMIN).status_code == 200, "keys work"


def test_a_key_is_stronger_than_a_sign_in(started: Started) -> None:
    client = started(**ON, **PLATFORM)
    client.key()
    viewer = client.key(Role.VIEWER, 1)
    assert client.ask("GET", COSTS, viewer, headers=ADMIN).status_code == 403
    other = {**ADMIN, "authorization": "Bearer eyJhbGciOi.x.y"}
    assert client.ask("GET", COSTS, headers=other).status_code == 200, "the platform's own token"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"sec-fetch-site": "same-origin", "origin": "https://belfry"}, 404),
        ({"sec-fetch-site": "none"}, 404),
        ({}, 404),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://elsewhere"}, 403),
    ],
)
def test_another_sites_page_changes_nothing(
    started: Started, sent: dict[str, str], status: int
) -> None:
    client = started(**ON, **PLATFORM)
    path = f"{SCHEDULES}/nosuch/disable"
    assert client.ask("POST", path, headers={**ADMIN, **sent}).status_code == status
    assert client.ask("GET", TASKS, headers={**ADMIN, **sent}).status_code == 200
    key = client.key()
    assert client.ask("POST", path, key, headers=sent).status_code == 404, "a key is no cookie"


def test_the_address_is_what_azure_writes(started: Started) -> None:
    """The last of `X-Forwarded-For`; where Azure is not, nothing of it."""
    forged = {"x-forwarded-for": "203.0.113.9, 198.51.100.7:41000"}
    on, off = started(**PLATFORM), started()
    for client, address in ((on, "198.51.100.7"), (off, "10.0.0.1")):
        client.told("POST", "/api/v1/keys", headers=forged, json={"name": "a", "role": "admin"})
        key = client.key()
        (first,) = [
            one
            for one in client.told("GET", "/api/v1/audit?kind=key", key)["entries"]
            if one["after"]["name"] == "a"
        ]
        assert first["by"]["address"] == address


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"ENTRA_SIGN_IN": "yes"}, "ENTRA_SIGN_IN is 'yes'; use true or false"),
        ({**ON, "ENTRA_TENANT_ID": "contoso"}, "needs the directory's id, a GUID"),
        ({**ON, "ENTRA_ROLES": ""}, "ENTRA_ROLES is not set"),
        ({"ENTRA_ROLES": "a: root all"}, "'root' is no role"),
        ({"REQUESTS_PER_MINUTE": "-1"}, "from 0 to 1000000"),
    ],
)
def test_wrong_settings_are_said(environ: dict[str, str], said: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        from_env({"AzureWebJobsStorage": "AccountName=x"} | environ, people.wrong_in)
    assert said in str(caught.value)
