"""Workflows by the API, on real storage: made, checked, versioned, changed, read, deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest

from local.azurite import Azurite
from shared.access import LOCAL, Caller, Role
from shared.errors import Conflict, NotFound
from shared.workflows.inputs import inputs_of
from shared.workflows.reading import read
from tests.integration.access.asking import Asking
from tests.integration.engine.conftest import Engine, make, tap
from tests.integration.workflows.conftest import Calls
from tests.together import together

URL = "/api/v1/workflows"
STEPS = [
    {"id": "a", "task": "work", "with": {"name": "${{ trigger.name }}"}},
    {"id": "b", "needs": ["a"], "wait": {"seconds": 60}},
]
FLOW = {"name": "Flow", "inputs": {"name": {"default": "x"}}, "steps": STEPS}
YAML = b"""
name: Flow
inputs: {name: {default: x}}
steps:
  - {id: a, task: work, with: {name: "${{ trigger.name }}"}}
  - {id: b, needs: [a], wait: {seconds: 60}}
"""
AS_YAML = {"content-type": "application/yaml"}


class Desk:
    """The API of one app."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.asking = Asking(engine.app)

    def made(self, workflow_id: str = "flow", **more: Any) -> Any:
        body = {"id": workflow_id, "definition": FLOW, **more}
        return self.asking.told("POST", URL, json=body)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.asking.ask(method, URL + path, **more)

    def told(self, method: str, path: str = "", **more: Any) -> Any:
        return self.asking.told(method, URL + path, **more)

    def refused(self, status: int, method: str, path: str, **more: Any) -> str:
        return self.asking.problem(status, method, URL + path, **more)


@pytest.fixture
def desk(azurite: Azurite) -> Iterator[Desk]:
    engine = make(azurite, tasks=Calls().tasks())
    tap(engine)
    yield Desk(engine)


def test_a_workflow_is_made_read_changed_and_deleted(desk: Desk) -> None:
    made = desk.made(project_id=7, schedule_config={"enabled": True, "interval_minutes": 30})
    assert made["definition"] == FLOW and made["version"] == read(FLOW).definition.digest
    assert made["schedule_config"] == {"enabled": True, "interval_minutes": 30}
    assert made["next_run_at"] is not None and made["last_run_at"] is None
    answer = desk.ask("GET", "/flow")
    assert answer.json() == made
    tag = {"if-match": answer.headers["etag"]}
    assert desk.ask("GET", "/flow", headers={"if-none-match": tag["if-match"]}).status_code == 304

    changed = desk.told("PATCH", "/flow", headers=tag, json={"is_active": False, "name": "Other"})
    assert (changed["is_active"], changed["name"], changed["next_run_at"]) == (False, "Other", None)
    assert changed["definition"]["name"] == "Other" and changed["revision"] == 2
    assert "was changed since" in desk.refused(412, "PATCH", "/flow", headers=tag, json={})
    assert "changed since" in desk.refused(412, "PUT", "/flow", headers=tag | AS_YAML, content=YAML)
    again = desk.told("PUT", "/flow", headers=AS_YAML, content=YAML)
    assert again["version"] == made["version"] and again["schedule_config"]["enabled"]
    same = desk.told("PUT", "/flow", json=FLOW)
    assert same["revision"] == again["revision"] == 3

    versions = desk.told("GET", "/flow/versions")["versions"]
    assert {one["version"] for one in versions} == {changed["version"], made["version"]}
    old = desk.told("GET", f"/flow/versions/{changed['version']}")
    assert old["definition"]["name"] == "Other"
    desk.refused(404, "GET", f"/flow/versions/{'0' * 64}")
    drawn = desk.ask("GET", "/flow/diagram")
    assert drawn.headers["content-type"].startswith("text/plain") and "s0 --> s1" in drawn.text

    entries = desk.asking.told("GET", "/api/v1/audit?project_id=7")["entries"]
    assert [one["action"] for one in entries] == ["change", "change", "change", "create"]
    assert desk.ask("DELETE", "/flow", headers=tag).status_code == 412
    assert desk.ask("DELETE", "/flow").status_code == 204
    desk.refused(404, "GET", "/flow")
    assert desk.told("GET")["total"] == 0
    assert desk.made(project_id=7)["revision"] == 1


def test_what_is_wrong_is_refused_and_nothing_is_saved(desk: Desk) -> None:
    wrong = {**FLOW, "steps": [*STEPS, {"id": "c", "task": "wrok", "needs": ["a", "d"]}]}
    checked = desk.told("POST", "/check", json={"definition": wrong})
    assert [one["field"] for one in checked["problems"]] == ["steps[2].needs[1]", "steps[2].task"]
    assert desk.told("POST", "/check", json={"definition": FLOW}) == {
        "version": read(FLOW).definition.digest,
        "steps": 2,
        "problems": [],
    }
    said = desk.refused(422, "POST", "", json={"id": "flow", "definition": wrong})
    assert said.startswith("steps[2].needs[1]: there is no step d")
    for body, kind, status, words in (
        (b"name: [", "application/yaml", 422, "not YAML: line 1"),
        (b"{", "application/json", 422, "not JSON"),
        (b"{}", "text/csv", 415, "Content-Type"),
        (b"", "application/json", 422, "body"),
        (b"null", "application/json", 422, "give an object"),
    ):
        headers = {"content-type": kind}
        assert words in desk.refused(status, "PUT", "/flow", content=body, headers=headers)
    assert "a word of the API" in desk.refused(
        422, "POST", "", json={"id": "runs", "definition": FLOW}
    )
    desk.refused(422, "POST", "", json={"id": "A b", "definition": FLOW})
    assert desk.told("GET")["total"] == 0
    assert desk.told("GET", "/schema")["title"] == "A workflow of Belfry"


def test_projects_are_apart(desk: Desk) -> None:
    desk.made("mine", project_id=7)
    desk.made("company")
    admin = desk.asking.key()
    seven = desk.asking.key(Role.OPERATOR, 7)
    eight = desk.asking.key(Role.OPERATOR, 8)
    reader = desk.asking.key(Role.VIEWER, 7)
    assert [one["id"] for one in desk.told("GET", key=admin)["workflows"]] == ["company", "mine"]
    assert [one["id"] for one in desk.told("GET", key=seven)["workflows"]] == ["mine"]
    assert desk.told("GET", "?project_id=7", key=eight)["total"] == 0
    for path in ("/mine", "/company", "/mine/versions", "/mine/diagram"):
        desk.refused(404, "GET", path, key=eight)
    desk.refused(404, "PATCH", "/mine", key=eight, json={"is_active": False})
    desk.refused(404, "DELETE", "/company", key=seven)
    desk.refused(403, "PUT", "/mine", key=reader, json=FLOW)
    assert "cannot be had" in desk.refused(404, "PUT", "/mine", key=eight, json=FLOW)
    theirs = {**FLOW, "steps": [{"id": "a", "workflow": "mine"}]}
    said = desk.refused(422, "PUT", "/theirs", key=eight, json=theirs)
    assert "there is no workflow 'mine' in this project" in said
    made = desk.told("PUT", "/theirs", key=eight, json=FLOW)
    assert made["project_id"] == 8 and made["saved_by"] == "Ana"
    book = desk.engine.app.workflows()
    assert book.asked(LOCAL, "theirs").project_id == 8
    with pytest.raises(NotFound):
        book.asked_of("theirs", 7)


def test_a_repeated_request_makes_one_and_a_race_has_one_winner(desk: Desk) -> None:
    key = {"idempotency-key": "one"}
    body = {"id": "flow", "definition": FLOW}
    first = desk.told("POST", "", json=body, headers=key)
    assert desk.told("POST", "", json=body, headers=key) == first
    assert "is taken" in desk.refused(409, "POST", "", json=body)

    book = desk.engine.app.workflows()
    wanted = read(FLOW)

    def attempt(number: int) -> bool:
        try:
            book.create(Caller(name=f"c{number}", role=Role.ADMIN), "raced", wanted, 7 + number % 2)
        except Conflict:
            return False
        return True

    assert sum(together(*(lambda n=n: attempt(n) for n in range(8)))) == 1
    assert book.get(LOCAL, "raced").revision == 1


def test_the_same_creation_cut_off_after_its_write_is_found_again(desk: Desk) -> None:
    book = desk.engine.app.workflows()

    def agreed(_: object) -> list[str]:
        return ["token"]

    first = book.create(LOCAL, "flow", read(FLOW), None, agreed=agreed)
    assert book.create(LOCAL, "flow", read(FLOW), None, agreed=agreed) == first
    with pytest.raises(Conflict, match="is taken"):
        book.create(LOCAL, "flow", read(FLOW), None)


def test_intervals_come_due_once_for_all_hosts(desk: Desk) -> None:
    book, clock = desk.engine.app.workflows(), desk.engine.clock
    desk.made("often", schedule_config={"enabled": True, "interval_minutes": 10})
    desk.made("off", is_active=False, schedule_config={"enabled": True, "interval_minutes": 10})
    desk.made("never")
    ((found, slot),) = book.due(clock.now())
    assert found.id == "often" and slot == clock.now()
    assert book.ran(found, slot, "w1") is not None
    assert book.ran(found, slot, "w2") is None
    assert book.due(clock.now()) == []
    clock.set(clock.now() + timedelta(minutes=35))
    ((found, slot),) = book.due(clock.now())
    assert (found.last_run_id, slot) == ("w1", clock.now() - timedelta(minutes=5))
    assert found.revision == 1


def test_a_long_definition_is_kept_whole(desk: Desk) -> None:
    steps = [{"id": f"s{n}", "task": "work", "with": {"name": "ä😀" * 80}} for n in range(150)]
    long: Mapping[str, Any] = {"name": "Lang: ä", "steps": steps}
    assert len(json.dumps(long)) > 200_000
    assert desk.told("PUT", "/long", json=long)["definition"] == long
    found = desk.engine.app.workflows().definition(desk.engine.app.workflows().get(LOCAL, "long"))
    assert len(found.steps) == 150 and inputs_of(found.inputs, {}) == {}
