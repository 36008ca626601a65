"""Each rule by which the real host drops a function, broken once."""

from __future__ import annotations

from typing import Any

import pytest

from local.host import rules
from local.host.worker import Function

ENVIRON = {"AzureWebJobsStorage": "UseDevelopmentStorage=true", "EVERY": "0 0 * * * *"}

HTTP = {"type": "httpTrigger", "name": "req", "route": "pets/{id}", "methods": ["GET"]}
RESPONSE = {"type": "http", "name": "$return", "direction": "OUT"}
TIMER = {"type": "timerTrigger", "name": "timer", "schedule": "%EVERY%"}
QUEUE = {
    "type": "queueTrigger",
    "name": "msg",
    "queueName": "jobs",
    "connection": "AzureWebJobsStorage",
}


def function(name: str, *bindings: dict[str, Any]) -> Function:
    return Function(name, name, bindings)


def problems(*functions: Function, **environ: str) -> list[str]:
    return rules.problems(functions, ENVIRON | environ, prefix="")


def test_an_app_that_keeps_the_rules_has_no_problem() -> None:
    assert not problems(
        function("pets", HTTP, RESPONSE),
        function("nightly", TIMER),
        function("worker", QUEUE),
        function("rest", HTTP | {"route": "{*path}"}, RESPONSE),
    )


def test_an_app_without_functions_is_a_problem() -> None:
    assert problems() == ["the app has no functions"]


@pytest.mark.parametrize("name", ["my_timer", "1st", "", "a-b", "x" * 129])
def test_a_binding_name_is_letters_and_digits(name: str) -> None:
    (problem,) = problems(function("nightly", TIMER | {"name": name}))
    assert problem.startswith(f"nightly: the binding name {name!r} must be letters and digits")


@pytest.mark.parametrize("name", ["1st", "a b", "_x"])
def test_a_function_name_is_checked(name: str) -> None:
    (problem,) = problems(function(name, TIMER))
    assert "a function's name is a letter" in problem


@pytest.mark.parametrize(("bindings", "count"), [([RESPONSE], 0), ([TIMER, QUEUE], 2)])
def test_a_function_has_one_trigger(bindings: list[dict[str, Any]], count: int) -> None:
    (problem,) = problems(function("f", *bindings))
    assert problem == f"f: has {count} triggers; a function has exactly one"


def test_names_that_differ_only_in_case_clash() -> None:
    (problem,) = problems(function("nightly", TIMER), function("Nightly", TIMER))
    assert problem == "Nightly: nightly has the same name, upper and lower case being one"


def test_the_same_name_twice_clashes() -> None:
    assert len(problems(function("nightly", TIMER), function("nightly", QUEUE))) == 1


def test_a_setting_must_be_there() -> None:
    missing = function("f", QUEUE | {"queueName": "%PREFIX%-jobs"})
    assert problems(missing) == ["f: the setting PREFIX in %PREFIX% is not set"]
    assert not problems(missing, PREFIX="mine")


def test_a_connection_must_be_there() -> None:
    other = function("f", QUEUE | {"connection": "OTHER"})
    assert problems(other) == ["f: the connection setting OTHER is not set"]
    assert not problems(other, OTHER="x")
    assert not problems(other, AzureWebJobsOTHER="x")
    assert problems(other, OTHER__accountName="x") == [
        "f: OTHER is given by an identity, which needs Azure; set a connection string"
    ]


def test_timers_need_the_storage_of_the_host() -> None:
    found = rules.problems([function("f", TIMER)], {"EVERY": "0 0 * * * *"}, "")
    assert found == ["f: the connection setting AzureWebJobsStorage is not set"]


def test_a_schedule_must_parse() -> None:
    (problem,) = problems(function("f", TIMER | {"schedule": "0 61 * * * *"}))
    assert problem.startswith("f: its schedule is wrong: minute '61'")


@pytest.mark.parametrize("name", ["Jobs", "a", "jobs--new", "-jobs", "jobs_new", "j" * 64])
def test_a_queue_name_must_be_one(name: str) -> None:
    (problem,) = problems(function("f", QUEUE | {"queueName": name}))
    assert problem.startswith(f"f: {name!r} is no queue name")


@pytest.mark.parametrize(
    ("route", "clashes"),
    [("pets/{name}", True), ("PETS/{id}", True), ("pets/{id}/", True), ("pets/new", False)],
)
def test_routes_that_fit_the_same_paths_clash(route: str, clashes: bool) -> None:
    found = problems(
        function("one", HTTP, RESPONSE), function("two", HTTP | {"route": route}, RESPONSE)
    )
    assert bool(found) is clashes
    assert all("GET /" in one and "is also a route of one" in one for one in found)


def test_routes_with_other_methods_do_not_clash() -> None:
    post = HTTP | {"methods": ["POST"]}
    assert not problems(function("one", HTTP, RESPONSE), function("two", post, RESPONSE))


@pytest.mark.parametrize("route", ["admin/x", "Admin", "runtime/webhooks"])
def test_the_routes_of_the_host_are_reserved(route: str) -> None:
    (problem,) = problems(function("f", HTTP | {"route": route}, RESPONSE))
    assert "belong to the host" in problem


def test_a_route_that_is_no_template_is_named() -> None:
    (problem,) = problems(function("f", HTTP | {"route": "pets-{id}"}, RESPONSE))
    assert problem.startswith("f: its route is wrong: 'pets-{id}'")


def test_what_this_host_cannot_do_is_said() -> None:
    (problem,) = problems(function("f", {"type": "blobTrigger", "name": "blob"}))
    assert problem == "f: this host has no blobTrigger; Azure does"
