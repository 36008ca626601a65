"""Whatever changes something says on whose behalf."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from fastapi.routing import APIRoute

from shared.api.app import api
from shared.api.deps import _caller
from tests.unit.api.asking import no_app

ROOT = Path(__file__).parents[3]
COMMANDS = {
    "manager": {"create", "change", "enable", "delete", "run_now", "ask"},
    "control": {"cancel", "retry", "retry_failed"},
    "backfills": {"start", "cancel"},
}


def test_each_route_that_changes_something_knows_its_caller() -> None:
    included = (getattr(one, "original_router", None) for one in api(no_app).routes)
    routes = [route for router in included if router is not None for route in router.routes]
    changing = [
        route
        for route in routes
        if isinstance(route, APIRoute) and not (route.methods or set()) <= {"GET", "HEAD"}
    ]
    assert len(changing) > 20
    anonymous = {
        route.name
        for route in changing
        if _caller not in [one.call for one in route.dependant.dependencies]
    }
    assert anonymous == set()


def _calls() -> Iterator[tuple[str, ast.Call]]:
    """Each call of a command, with where it is."""
    for folder in ("shared", "functions"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and _is_command(node.func):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def _is_command(called: ast.expr) -> bool:
    if isinstance(called, ast.Name):
        return called.id == "run_once"
    if not isinstance(called, ast.Attribute):
        return False
    of = called.value
    name = of.attr if isinstance(of, ast.Attribute) else of.id if isinstance(of, ast.Name) else ""
    return called.attr in COMMANDS.get(name.removeprefix("_"), set())


def test_each_command_is_given_its_caller() -> None:
    found = list(_calls())
    assert len(found) > 20
    without = [where for where, call in found if "by" not in {one.arg for one in call.keywords}]
    assert without == []
