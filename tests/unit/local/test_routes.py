"""Which route a path takes."""

from __future__ import annotations

import pytest

from local.host import routes
from local.host.routes import Route
from local.host.worker import Function

TEMPLATES = ("{*path}", "api/{*path}", "pets/{id:int}", "pets/{name}", "pets/new", "status")


def _route(template: str, prefix: str = "", methods: list[str] | None = None) -> Route:
    trigger = {"type": "httpTrigger", "name": "req", "route": template, "methods": methods}
    return routes.of(Function(template, template, (trigger,)), {}, prefix)


@pytest.mark.parametrize(
    ("path", "template", "parameters"),
    [
        ("/", "{*path}", {}),
        ("/a/b", "{*path}", {"path": "a/b"}),
        ("/api", "api/{*path}", {}),
        ("/api/v1/jobs/", "api/{*path}", {"path": "v1/jobs"}),
        ("/API/x", "api/{*path}", {"path": "x"}),
        ("/apis/x", "{*path}", {"path": "apis/x"}),
        ("/pets/7", "pets/{id:int}", {"id": "7"}),
        ("/pets/rex", "pets/{name}", {"name": "rex"}),
        ("/pets/New", "pets/new", {}),
        ("/pets/new/x", "{*path}", {"path": "pets/new/x"}),
        ("/status", "status", {}),
    ],
)
def test_the_most_specific_route_wins(path: str, template: str, parameters: dict[str, str]) -> None:
    found = routes.match([_route(one) for one in TEMPLATES], "GET", path)
    assert found
    assert (found[0].template, found[1]) == (template, parameters)


def test_a_method_that_is_not_taken_fits_nothing() -> None:
    assert routes.match([_route("pets", methods=["get"])], "POST", "/pets") is None


def test_an_optional_parameter_may_be_missing() -> None:
    only = [_route("pets/{name?}")]
    assert routes.match(only, "GET", "/pets") == (only[0], {})
    assert routes.match(only, "GET", "/pets/rex") == (only[0], {"name": "rex"})
    assert routes.match(only, "GET", "/pets/rex/x") is None


def test_the_prefix_of_host_json_comes_first() -> None:
    assert _route("/pets", prefix="api").template == "api/pets"


def test_a_function_without_a_route_has_its_name() -> None:
    plain = Function("pets", "pets", ({"type": "httpTrigger", "name": "req"},))
    assert routes.of(plain, {}, "").template == "pets"
