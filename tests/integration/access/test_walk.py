"""Every route of the API, asked by callers who may not: of another project, of too low a role,
without a key. A new route is among them by itself; one that takes something of which `town` has
nothing fails here, and says what to add."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import httpx
import pytest

from local.azurite import Azurite
from shared.access import LOCAL, Role
from shared.access import keys as pure
from shared.api.roles import needed
from tests.integration.access.planting import MARK
from tests.integration.access.town import Town, town
from tests.unit.api.asking import operations, stateless

READS = {"try_retention", "preview_new_schedule"}
"""What a viewer may do though it is no GET."""
ADMINS = {
    *("create_key", "list_keys", "read_key", "change_key", "revoke_key"),
    *("restore_backup", "delete_backup", "link_backup", "resume_billing"),
}
"""What only an admin may do."""
EVERYTHING = {
    *("list_notifications", "read_notification", "list_circuits", "list_messages", "read_message"),
    *("read_billing", "resume_billing", "read_costs", "list_usage"),
    *("list_marketing_cycles", "list_campaigns"),
    *("list_reports", "read_cost_report", "read_cost_chart", "read_scaling"),
    *("list_weekly_reports", "read_weekly_report"),
    *("create_plan", "change_plan", "delete_plan", "restore_backup"),
    *("put_project_budget", "delete_project_budget"),
}
"""What is for callers of all projects alone."""
SHORT = {"read_health_summary": {"status", "uptime_seconds"}}
"""What anybody may read of a route."""
NEEDS_DATABASE = (
    *("read_billing", "list_usage", "read_cost_chart", "list_marketing_cycles", "list_campaigns"),
)
WALK = [(path, method, what["operationId"], what) for path, method, what in operations()]
IDS = [name for _, _, name, _ in WALK]


@pytest.fixture(scope="module")
def there(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(azurite, tmp_path_factory.mktemp("walk")) as made:
        yield made


@pytest.fixture(scope="module")
def keys(there: Town) -> dict[tuple[Role, bool], str]:
    """By role, and whether it is of all projects (else of project 2)."""
    return {
        (role, everything): there.asking.key(role, *(() if everything else (2,)))
        for role, everything in product(Role, (True, False))
    }


def requests(there: Town, path: str, method: str, what: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What to ask a route about project 1: in its path, in its body, and in each parameter of its
    query that can name something of it."""
    url = there.filled(path)
    query = [one for one in what.get("parameters", ()) if one["in"] == "query"]
    needed = {one["name"]: there.value(path, one["name"]) for one in query if one.get("required")}
    body = {}
    if "requestBody" in what:
        content = what["requestBody"]["content"]["application/json"]
        body = {"json": there.body(path, re.findall(r"schemas/(\w+)", str(content["schema"]))[0])}
    yield {"method": method.upper(), "path": url, "params": needed, **body}
    for one in query:
        name = one["name"]
        if name.endswith("_id") and name not in needed:
            there.value(path, name)  # what names an object has to be known
        if name in there.named:
            params = needed | {name: there.value(path, name)}
            yield {"method": method.upper(), "path": url, "params": params, **body}


def say(answer: httpx.Response) -> str:
    return f"{answer.request.method} {answer.request.url} said {answer.status_code}: {answer.text}"


@pytest.mark.parametrize(("path", "method", "name", "what"), WALK, ids=IDS)
def test_a_key_of_another_project_sees_nothing_and_changes_nothing(
    there: Town,
    keys: dict[tuple[Role, bool], str],
    path: str,
    method: str,
    name: str,
    what: dict[str, Any],
) -> None:
    before = there.stored()
    ids = [str(one) for key, one in there.named.items() if key.rpartition(":")[2].endswith("_id")]
    ids = [one for one in ids if len(one) > 5]
    for request in requests(there, path, method, what):
        for role in Role:
            answer = there.asking.ask(key=keys[role, False], **request)
            assert answer.status_code in (200, 403, 404), say(answer)
            said = answer.text + str(dict(answer.headers))
            assert MARK not in said, say(answer)
            if answer.is_success:
                assert [one for one in ids if one in said] == [], say(answer)
                assert method == "get" or name in READS, say(answer)
                assert name in _OWN or _counted(answer) == {}, say(answer)
            if name in EVERYTHING:
                assert answer.status_code == 403, say(answer)
    assert there.stored() == before


_OWN = {"list_keys", "list_audit"}
"""Lists in which project 2 has something of its own."""


def _counted(answer: httpx.Response) -> dict[str, int]:
    """What an answer says of how many there are."""
    as_json = "json" in answer.headers.get("content-type", "")
    left = [answer.json()] if answer.content and as_json else []
    found: dict[str, int] = {}
    while left:
        one = left.pop()
        left += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        if isinstance(one, dict):
            found |= {name: one[name] for name in _COUNTS if one.get(name)}
    return found


_COUNTS = ("total", "runs", "total_schedules", "total_runs", "locked", "unreadable")


@pytest.mark.parametrize(("path", "method", "name", "what"), WALK, ids=IDS)
def test_a_role_that_is_too_low_is_refused(
    there: Town,
    keys: dict[tuple[Role, bool], str],
    path: str,
    method: str,
    name: str,
    what: dict[str, Any],
) -> None:
    least = Role.VIEWER if method == "get" or name in READS else Role.OPERATOR
    least = Role.ADMIN if name in ADMINS else least
    before = there.stored()
    for role in Role:
        if role.includes(least):
            continue
        for request in requests(there, path, method, what):
            answer = there.asking.ask(key=keys[role, True], **request)
            assert answer.status_code == 403, say(answer)
            assert f"this needs the role {least}" in answer.json()["detail"], say(answer)
    assert there.stored() == before


@pytest.mark.parametrize(("path", "method", "name", "what"), WALK, ids=IDS)
def test_nobody_comes_in_without_a_key_that_counts(
    there: Town, path: str, method: str, name: str, what: dict[str, Any]
) -> None:
    now = there.engine.clock.now()
    app = there.asking.app
    expired = app.keys.create(LOCAL, "x", Role.ADMIN, None, now + timedelta(seconds=1)).text
    revoked = app.keys.create(LOCAL, "x", Role.ADMIN, None)
    app.keys.revoke(LOCAL, revoked.key.id)
    there.engine.later(2)
    wrong = pure.new_text(str(pure.id_in(there.admin)))
    before = there.stored()
    request = next(requests(there, path, method, what))
    for key in (None, "", wrong, expired, revoked.text, pure.new_text(pure.new_id())):
        answer = there.asking.ask(key=key, **request)
        if key is None and name in SHORT:
            assert answer.json().keys() == SHORT[name], say(answer)
            continue
        assert answer.status_code == 401, say(answer)
        assert answer.headers["www-authenticate"].startswith("Bearer"), say(answer)
        assert answer.headers["content-type"] == "application/problem+json"
        assert MARK not in answer.text
    assert there.stored() == before


@pytest.mark.parametrize(("path", "method", "name", "what"), WALK, ids=IDS)
def test_who_may_is_let_in(
    there: Town, path: str, method: str, name: str, what: dict[str, Any]
) -> None:
    """So a refusal above is for who asked, and not for what was asked."""
    if method != "get" or name in NEEDS_DATABASE:
        return  # the database of the company is not there
    for request in requests(there, path, method, what):
        answer = there.asking.ask(key=there.admin, **request)
        known = answer.status_code == 200 or name in (
            *("read_cost_report", "list_reports", "read_message", "read_notification"),
            *("list_weekly_reports", "read_weekly_report"),
        )
        assert known, say(answer)


def test_the_roles_that_routes_declare_are_these() -> None:
    found: dict[str, tuple[Role, bool]] = {}
    for one in stateless().routes:
        for route in getattr(getattr(one, "original_router", None), "routes", ()):
            (method,) = route.methods
            if not route.include_in_schema:  # another path of one that is
                continue
            found[route.name] = needed(route.endpoint, method)
    assert sorted(found) == sorted(IDS)
    assert {name for name, (role, _) in found.items() if role is Role.ADMIN} == ADMINS
    assert {name for name, (_, everything) in found.items() if everything} == EVERYTHING
    assert {name for name in READS if found[name][0] is not Role.VIEWER} == set()


def test_project_1_sees_its_own(there: Town) -> None:
    """What others do not see is there."""
    key = there.asking.key(Role.ADMIN, 1)
    lacking: list[str] = []
    for path, method, name, what in WALK:
        if method != "get" or name in EVERYTHING or name in _COMMON:
            continue
        answer = there.asking.ask(key=key, **next(requests(there, path, method, what)))
        batch = there.named["/api/v1/batches/{job_id}:job_id"]
        theirs = [MARK, str(there.named["backup_id"]), str(batch)]
        if not (answer.is_success and any(one in answer.text for one in theirs)):
            lacking.append(f"{name}: {say(answer)[:200]}")
        assert "timer" not in answer.text, say(answer)
    assert not lacking


_COMMON = {
    *("list_tasks", "read_metrics", "list_due_schedules", "list_occurrences", "list_sources"),
    *("summarize_schedules", "summarize_days", "list_countries", "list_unhealthy_schedules"),
    *("list_budgets", "read_project_budget", "read_schedule_budget"),
    "read_health_check_history",
    *(
        "scrape_metrics",
        "read_health_summary",
        "preview_schedule",
        "read_caller",
        "list_task_types",
        "read_task_type",
        *("read_workflow_schema", "list_workflow_versions", "list_events"),
    ),
}
"""What says nothing by name."""


def test_the_description_is_the_app(there: Town) -> None:
    described = {(path, method) for path, method, _, _ in WALK}
    assert len(described) == len(WALK) > 50
    assert stateless().openapi()["paths"].keys() == {path for path, _ in described}
