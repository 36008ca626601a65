"""Plans have ETags, tags and keys of requests as schedules have."""

from __future__ import annotations

from tests.integration.backups.client import PLAN, Client

PLANS = "/backups/plans"
CHANGES = (
    ("PATCH", "", {"retention_days": 7}),
    ("POST", "/enable", None),
    ("POST", "/disable", None),
    ("DELETE", "", None),
)


def test_a_change_that_knows_another_plan_is_held_back(client: Client) -> None:
    for method, step, body in CHANGES:
        at = f"{PLANS}/{client.plan()['schedule_id']}"
        old = client.ask("GET", at).headers["etag"]
        now = client.ask("PATCH", at, {"name": "other"}, headers={"If-Match": old}).headers["etag"]
        refused = client.ask(method, f"{at}{step}", body, headers={"If-Match": old})
        assert refused.status_code == 412, (method, step)
        assert client.ask(method, f"{at}{step}", body, headers={"If-Match": now}).is_success


def test_a_plan_that_the_caller_has_is_left_out(client: Client) -> None:
    at = f"{PLANS}/{client.plan()['schedule_id']}"
    tag = client.ask("GET", at).headers["etag"]
    answer = client.ask("GET", at, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (304, b"")
    client.told("PATCH", at, {"retention_days": 9})
    assert client.ask("GET", at, headers={"If-None-Match": tag}).status_code == 200


def test_a_plan_and_its_run_are_asked_for_once(client: Client) -> None:
    key = {"Idempotency-Key": "a"}
    made = [client.ask("POST", PLANS, PLAN, headers=key) for _ in range(2)]
    assert made[0].content == made[1].content and made[0].status_code == 201
    plan = made[0].json()["schedule_id"]
    assert made[0].headers["location"] == f"/api/v1{PLANS}/{plan}"
    key = {"Idempotency-Key": "b"}
    first = client.ask("POST", f"{PLANS}/{plan}/run", headers=key)
    client.done(first.json())
    again = client.ask("POST", f"{PLANS}/{plan}/run", headers=key)
    assert (again.status_code, again.content) == (202, first.content), "not: a backup just ended"


def test_a_plan_has_tags(client: Client) -> None:
    plan = client.plan(tags={"team": "shop"})
    at = f"{PLANS}/{plan['schedule_id']}"
    assert plan["tags"] == client.told("GET", at)["tags"] == {"team": "shop"}
    assert client.told("PATCH", at, {"name": "other"})["tags"] == {"team": "shop"}
    assert client.told("PATCH", at, {"tags": {}})["tags"] == {}
