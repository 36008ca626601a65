"""Keys that several admins change: nobody overwrites what somebody else decided."""

from __future__ import annotations

from typing import Any

import pytest

from shared.access import Role
from shared.access import keys as pure
from tests.integration.access.asking import Asking

KEYS = "/api/v1/keys"


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"role": "viewer"}), ("DELETE", None)])
def test_who_knows_the_key_as_it_is_may_change_it_and_nobody_else(
    client: Asking, method: str, body: Any
) -> None:
    admin, key = client.key(), client.key(Role.OPERATOR, name="Bo")
    path = f"{KEYS}/{pure.id_in(key)}"
    old = client.ask("GET", path, admin).headers["etag"]
    changed = client.ask("PATCH", path, admin, json={"name": "Bea"}, headers={"if-match": old})
    now = changed.headers["etag"]
    assert changed.is_success and client.ask("GET", path, admin).headers["etag"] == now
    said = client.problem(412, method, path, admin, json=body, headers={"if-match": old})
    assert "was changed since" in said
    assert client.told("GET", path, admin) == changed.json()
    assert client.ask(method, path, admin, json=body, headers={"if-match": now}).is_success


def test_the_use_of_a_key_makes_nobody_stale(client: Asking) -> None:
    admin = client.key()
    made = client.ask("POST", KEYS, admin, json={"name": "Bo", "role": "operator"})
    path, tag = made.headers["location"], made.headers["etag"]
    known = client.ask("GET", path, admin, headers={"if-none-match": tag})
    assert (known.status_code, known.content) == (304, b"")
    assert client.ask("GET", "/api/v1/schedules", made.json()["key"]).is_success
    seen = client.ask("GET", path, admin, headers={"if-none-match": tag})
    assert seen.json()["last_used_at"] is not None
    still = {"if-match": tag}
    assert client.ask("PATCH", path, admin, json={"name": "b"}, headers=still).is_success
