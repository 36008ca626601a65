"""`/api/v1/keys`, and what a key gives."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.access import LOCAL, Role
from shared.access import keys as pure
from shared.errors import Conflict
from tests.integration.access.asking import Asking
from tests.integration.engine.conftest import Engine
from tests.together import together

KEYS = "/api/v1/keys"


def test_a_key_is_shown_once_and_listed_with_what_it_gives(
    client: Asking, instance: Engine
) -> None:
    admin = client.key()
    instance.later(1)
    body = {"name": "Shop", "role": "operator", "projects": [2, 1]}
    made = client.told("POST", KEYS, admin, json=body)
    text = made.pop("key")
    assert pure.id_in(text) == made["id"]
    assert made == {
        "id": made["id"],
        "name": "Shop",
        "role": "operator",
        "projects": [1, 2],
        "created_at": "2026-03-01T12:00:02Z",
        "created_by": "Ana",
        "expires_at": None,
        "last_used_at": None,
        "revoked_at": None,
        "revoked_by": "",
    }
    assert client.told("GET", f"{KEYS}/{made['id']}", admin) == made
    listed = client.told("GET", KEYS, admin)
    assert (listed["total"], listed["keys"][0]["name"]) == (2, "Shop")
    assert "hash" not in str(listed) and text not in str(listed)


def test_a_revoked_key_stays_in_the_list(client: Asking) -> None:
    admin, key = client.key(), client.key(Role.VIEWER, name="Bo")
    path = f"{KEYS}/{pure.id_in(key)}"
    for _ in range(2):
        assert client.ask("DELETE", path, admin).status_code == 204
    found = client.told("GET", path, admin)
    assert (found["revoked_by"], found["revoked_at"]) == ("Ana", "2026-03-01T12:00:01Z")
    names = [one["name"] for one in client.told("GET", f"{KEYS}?revoked=true", admin)["keys"]]
    assert names == ["Bo"]
    assert client.told("GET", f"{KEYS}?revoked=false", admin)["total"] == 1
    assert "was revoked" in client.problem(409, "PATCH", path, admin, json={"name": "x"})


def test_a_change_holds_at_once_here(client: Asking) -> None:
    admin, key = client.key(), client.key(Role.VIEWER, 1, name="Bo")
    path = f"{KEYS}/{pure.id_in(key)}"
    assert client.ask("GET", "/api/v1/costs", key).status_code == 403
    changes = {"name": "Bo B", "projects": None, "role": "operator"}
    changed = client.told("PATCH", path, admin, json=changes)
    assert (changed["name"], changed["projects"], changed["role"]) == ("Bo B", None, "operator")
    assert client.ask("GET", "/api/v1/costs", key).status_code == 200


def test_an_admin_of_a_project_gives_out_that_project_alone(client: Asking) -> None:
    client.key()
    of_one = client.key(Role.ADMIN, 1, name="Uno")
    of_two = client.key(Role.VIEWER, 1, 2, name="Due")
    made = client.told("POST", KEYS, of_one, json={"name": "x", "role": "viewer"})
    assert made["projects"] == [1], "its own, by default"
    for projects in ([2], [1, 2]):
        body = {"name": "x", "role": "viewer", "projects": projects}
        said = client.problem(403, "POST", KEYS, of_one, json=body)
        assert "can give out only those that it has: 1" in said
    path = f"{KEYS}/{made['id']}"
    for changes in ({"projects": [2]}, {"projects": None}):
        assert client.ask("PATCH", path, of_one, json=changes).status_code == 403
    assert {one["name"] for one in client.told("GET", KEYS, of_one)["keys"]} == {"Uno", "x"}
    hidden = f"{KEYS}/{pure.id_in(of_two)}"
    assert client.ask("PATCH", hidden, of_one, json={}).status_code == 404
    for method in ("GET", "DELETE"):
        assert client.ask(method, hidden, of_one).status_code == 404


def test_a_key_that_expires_gives_out_none_that_lasts_longer(
    client: Asking, instance: Engine
) -> None:
    client.key()
    until = instance.clock.now() + timedelta(days=1)
    short = client.app.keys.create(LOCAL, "short", Role.ADMIN, None, until).text
    made = client.told("POST", KEYS, short, json={"name": "x", "role": "viewer"})
    assert made["expires_at"] == "2026-03-02T12:00:01Z", "as long as its own, by default"
    body = {"name": "x", "role": "viewer", "expires_at": "2027-01-01T00:00:00Z"}
    assert "itself expires at" in client.problem(403, "POST", KEYS, short, json=body)
    changes = {"expires_at": None}
    assert client.ask("PATCH", f"{KEYS}/{made['id']}", short, json=changes).status_code == 403


def test_the_last_key_of_an_admin_of_all_is_kept(client: Asking, instance: Engine) -> None:
    first = client.key()
    path = f"{KEYS}/{pure.id_in(first)}"
    client.key(Role.ADMIN, 1)
    client.app.keys.create(
        LOCAL, "gone", Role.ADMIN, None, instance.clock.now() + timedelta(seconds=1)
    )
    instance.later(5)
    soon = {"expires_at": "2030-01-01T00:00:00Z"}
    for method, body in (
        ("DELETE", None),
        ("PATCH", {"role": "operator"}),
        ("PATCH", {"projects": [1]}),
    ):
        said = client.problem(409, method, path, first, **({} if body is None else {"json": body}))
        assert "is the last one of an admin for all projects" in said
    assert client.told("PATCH", path, first, json=soon)["expires_at"] == "2030-01-01T00:00:00Z"
    client.key()
    assert client.ask("DELETE", path, first).status_code == 204


def test_two_admins_who_revoke_each_other_at_once_leave_one(client: Asking, other: Asking) -> None:
    for _ in range(5):
        one, two = client.key(), client.key()
        for rest in client.app.keys.all(LOCAL):
            if rest.id not in (pure.id_in(one), pure.id_in(two)) and rest.revoked_at is None:
                client.app.keys.revoke(LOCAL, rest.id)

        def revoke(at: Asking, key: str) -> str:
            try:
                at.app.keys.revoke(LOCAL, str(pure.id_in(key)))
            except Conflict:
                return "kept"
            return "revoked"

        did = together(lambda: revoke(client, one), lambda: revoke(other, two))  # noqa: B023
        assert sorted(did) == ["kept", "revoked"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "admin"}, "name"),
        ({"name": "", "role": "admin"}, "name"),
        ({"name": "a\nb", "role": "admin"}, "name"),
        ({"name": "x", "role": "root"}, "role"),
        ({"name": "x", "role": "viewer", "projects": []}, "projects"),
        ({"name": "x", "role": "viewer", "projects": ["1"]}, "projects.0"),
        ({"name": "x", "role": "viewer", "projects": [-1]}, "projects.0"),
        ({"name": "x", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "role": "viewer", "expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"name": "x", "role": "viewer", "expires_at": "9030-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "role": "viewer", "key": "bfy_mine"}, "key"),
    ],
)
def test_what_is_wrong_with_a_key_is_said(client: Asking, body: dict[str, Any], field: str) -> None:
    admin = client.key()
    answer = client.ask("POST", KEYS, admin, json=body)
    assert answer.status_code == 422, answer.text
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert client.told("GET", KEYS, admin)["total"] == 1


def test_an_id_that_is_none_is_said(client: Asking) -> None:
    admin = client.key()
    assert client.ask("GET", f"{KEYS}/nosuch", admin).status_code == 422
    assert client.ask("GET", f"{KEYS}/{'a' * 12}", admin).status_code == 404


def test_the_audit_has_each_change_and_no_key(client: Asking) -> None:
    admin = client.key()
    made = client.told("POST", KEYS, admin, json={"name": "Bo", "role": "viewer"})
    path = f"{KEYS}/{made['id']}"
    client.told("PATCH", path, admin, json={"name": "Bo B"})
    client.told("PATCH", path, admin, json={"name": "Bo B"})
    client.ask("DELETE", path, admin)
    found = client.told("GET", "/api/v1/audit?kind=key", admin)["entries"]
    told = [(one["action"], one["subject"]["id"], one["by"]["name"]) for one in found]
    assert told[:3] == [(word, made["id"], "Ana") for word in ("revoke", "change", "create")]
    assert found[0]["by"]["key_id"] == pure.id_in(admin)
    assert made["key"] not in str(found) and pure.hashed(made["key"]) not in str(found)


def test_a_key_of_a_project_that_nothing_belongs_to_sees_nothing(client: Asking) -> None:
    """Projects are numbers that schedules name: one whose schedules are all gone is like any."""
    client.key()
    key = client.key(Role.OPERATOR, 99)
    assert client.told("GET", "/api/v1/schedules", key)["total"] == 0
    assert client.told("GET", "/api/v1/jobs", key)["total"] == 0
