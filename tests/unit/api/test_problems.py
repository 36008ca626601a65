"""Problem documents show what a caller wrote, cut, and always such that it can be encoded."""

from __future__ import annotations

import json
from typing import Any

import azure.functions as func
import pytest
from fastapi import FastAPI

from shared.api import problems
from shared.api.bridge import Bridge
from shared.api.fields import Input
from shared.errors import Invalid


class Body(Input):
    name: str | None = None


def made() -> FastAPI:
    app = FastAPI()

    @app.post("/api/body")
    def take(body: Body) -> None:
        raise Invalid(f"task_parameters.{body.name}", f"{body.name} is wrong")

    problems.install(app)
    return app


def ask(method: str, path: str, body: object = None) -> tuple[int, Any]:
    """The answer through Microsoft's bridge."""
    import asyncio

    request = func.HttpRequest(
        method,
        f"http://localhost{path}",
        headers={"content-type": "application/json"},
        body=json.dumps(body).encode(),
    )
    answer = asyncio.run(Bridge(made()).handle_async(request))
    assert answer.mimetype == "application/problem+json"
    return answer.status_code, json.loads(answer.get_body())


@pytest.mark.parametrize("letter", ["e", "\ud800", "😀", "://u:", "a."])
def test_a_callers_name_is_cut_however_long(letter: str) -> None:
    name = letter * (500_000 // len(letter))
    for body in ({name: 1}, {"name": name}, {f"{name}{number}": 1 for number in range(3)}):
        status, problem = ask("POST", "/api/body", body)
        assert status == 422
        assert len(json.dumps(problem, ensure_ascii=False)) < 8_000
        assert all(len(one["field"]) <= 120 for one in problem["errors"])


def test_no_more_fields_are_named_than_anyone_reads() -> None:
    _, problem = ask("POST", "/api/body", {f"x{number}": 1 for number in range(5_000)})
    assert len(problem["errors"]) == 50 and len(problem["detail"]) <= 4_000


def test_a_field_that_is_wrong_is_named() -> None:
    status, problem = ask("POST", "/api/body", {"nmae": 1})
    assert status == 422 and [one["field"] for one in problem["errors"]] == ["nmae"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/api/%ff", "/api/v1/schedules/%C3", "/%80/api"])
def test_a_path_that_is_no_utf8_is_not_found(method: str, path: str) -> None:
    status, problem = ask(method, path)
    assert status == 404 and problem["status"] == 404


def test_a_path_with_any_letter_reaches_the_app() -> None:
    status, problem = ask("GET", "/api/%C3%A9%F0%9F%98%80")
    assert status == 404 and "/api/docs" in problem["detail"]
