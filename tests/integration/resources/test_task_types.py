"""The task types and the JSON Schema of their parameters, from which forms are drawn (C12)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import functions
from shared.errors import Invalid
from shared.resources.naming import kind_of
from shared.tasks import Task
from shared.tasks.schema import schema_of
from tests.integration.access.asking import Asking
from tests.integration.resources.conftest import Delivery, Shelf, delivers

CALLS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "contract" / "calls.json").read_text()
)["calls"]
TASKS = {"webhook_delivery": delivers}  # as long as there is none of that name
TASKS |= {task.name: task for task in [*functions.tasks(), delivers]}


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda one: one.name)
def test_each_schema_is_one_and_says_what_each_parameter_is(task: Task) -> None:
    schema = schema_of(task.params, kind_of)
    assert jsonschema_rs.meta.is_valid(schema), task.name
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(task.params.model_fields)
    for name, field in schema["properties"].items():
        assert field["title"] == name.replace("_", " ").capitalize()
    if not schema.get("required"):
        assert jsonschema_rs.is_valid(schema, {})
    assert json.loads(json.dumps(schema)) == schema


def test_the_contracts_parameters_fit_the_schemas() -> None:
    bodies = [one["body"] for one in CALLS if one["method"] == "POST" and one.get("body")]
    known = [one for one in bodies if one.get("task_type") in TASKS]
    assert known
    for body in known:
        task = TASKS[body["task_type"]]
        parameters = body.get("task_parameters", {})
        jsonschema_rs.validate(schema_of(task.params, kind_of), parameters)
        task.parse(parameters)


@given(st.integers() | st.text(max_size=70) | st.none() | st.booleans() | st.floats())
def test_a_schema_takes_the_ids_that_a_task_takes(value: object) -> None:
    schema = schema_of(Delivery, kind_of)
    given = {"webhook_id": value}
    try:
        delivers.parse(given)
        taken = True
    except Invalid:
        taken = False
    try:
        fits = jsonschema_rs.is_valid(schema, given)
    except ValueError:  # a number that JSON does not have
        return
    assert fits or not taken, "whatever a task takes, its form can hold"


def test_a_form_can_be_drawn_from_what_is_told(shelf: Shelf) -> None:
    one = shelf.told("GET", "/task-types/delivers")
    parameters = one.pop("parameters")
    assert one == {
        "name": "delivers",
        "summary": "Says how long the URL is, and never what it is.",
        "impact": "A",
        "for_projects": True,
        "on_request": False,
        "role": "operator",
        "timeout_seconds": 60,
        "retry": {"attempts": 3, "first_delay_seconds": 30, "max_delay_seconds": 900},
        "misfire_grace_seconds": 900,
        "overlap": "skip",
        "max_concurrent": None,
        "aliases": [],
        "dry_run": False,
    }
    hook = parameters["properties"]["webhook_id"]
    assert (hook["title"], hook["x-resource"]) == ("Webhook id", "webhook")
    assert parameters["properties"]["target_id"]["x-resource"] == "target"
    told = parameters["properties"]["notify_on_completion"]["description"]
    assert told == "Whether a mail says how each run ended."
    assert jsonschema_rs.is_valid(parameters, {"webhook_id": 15})
    assert not jsonschema_rs.is_valid(parameters, {"webhook_id": "a b"})
    assert shelf.ask("GET", "/task-types/none").status_code == 404


def test_a_caller_is_told_what_it_may_schedule(shelf: Shelf) -> None:
    asking = Asking(shelf.engine.app)
    admin = asking.told("POST", "/api/v1/keys", json={"name": "a", "role": "admin"})["key"]
    body = {"name": "o", "role": "viewer", "projects": [1]}
    some = asking.told("POST", "/api/v1/keys", admin, json=body)["key"]
    every = asking.told("GET", "/api/v1/task-types", admin)["task_types"]
    assert {one["name"] for one in every} == {"delivers", "works", "fails", "refused", "waits"}
    few = asking.told("GET", "/api/v1/task-types", some)["task_types"]
    assert [one["name"] for one in few] == ["delivers"]
    assert asking.ask("GET", "/api/v1/task-types/works", some).status_code == 403
    assert asking.ask("GET", "/api/v1/task-types/works", admin).status_code == 200
