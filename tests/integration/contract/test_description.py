"""The whole OpenAPI document against the app, by schemathesis, with all of its checks: no server
error, no answer outside its schema, no wrong input accepted, and no right one refused; also for
what follows from an answer (links).

`API_EXAMPLES` is how many examples each operation gets (default: a few).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

import functions
from local.azurite import Azurite
from shared.api import pages
from shared.api.app import api
from shared.data.migrations.run import upgrade
from shared.settings import Secret
from tests.integration.engine.conftest import make

EXAMPLES = int(os.environ.get("API_EXAMPLES", "3"))
_TAKEN = ["2xx", "304", "401", "404", "409", "412"]
"""How input may be answered that fits the description: not with 422, but where a schema cannot say
what is right."""
_MEANING: Mapping[str, str] = {
    "GET /api/health/summary": "a tag is in quotes",
    "GET /api/v1/backups": "the span begins before it ends; the destination is known",
    "GET /api/v1/costs": "the span begins before it ends",
    "GET /api/v1/jobs": "the span begins before it ends",
    "GET /api/v1/reports": "the span begins before it ends",
    "GET /api/v1/schedules/{schedule_id}/occurrences": "the span is not too long",
    "GET /api/v1/tasks/{task_name}/metrics": "the span is not too long",
    "GET /api/v1/usage": "the span begins before it ends",
    "POST /api/v1/workflows": "steps fit together, and tasks exist",
    "POST /api/v1/workflows/check": "the same",
    "PATCH /api/v1/backups/plans/{schedule_id}": "fields fit together",
    "PATCH /api/v1/schedules/{schedule_id}": "fields fit together",
    "POST /api/v1/schedules/preview": "fields fit together",
    "POST /api/v1/backups/plans": "fields fit together, and sources exist",
    "POST /api/v1/backups/plans/{schedule_id}/run": "a key belongs to one request",
    "POST /api/v1/backups/retention": "fields fit together",
    "POST /api/v1/backups/{backup_id}/link": "the destination is known",
    "POST /api/v1/backups/{backup_id}/restore": "the destination is known",
    "POST /api/v1/backups/{backup_id}/verify": "the destination is known",
    "POST /api/v1/billing/resume": "the day is today",
    "POST /api/v1/calendars": "something is closed, and a key belongs to one request",
    "POST /api/v1/jobs/{job_id}/retry": "a key belongs to one request",
    **{
        f"{method} /api/v1/{path}": "the URL leads outside, and fields fit together"
        for kind, one in (
            ("webhooks", "webhook_id"),
            ("repositories", "repository_id"),
            ("targets", "target_id"),
        )
        for method, path in (
            ("POST", kind),
            ("PUT", f"{kind}/{{{one}}}"),
            ("PATCH", f"{kind}/{{{one}}}"),
        )
    },
    "POST /api/v1/schedules": "fields fit together, and the task exists",
    "POST /api/v1/schedules/{schedule_id}/execute": "a key belongs to one request",
    "POST /api/v1/schedules/{schedule_id}/retry": "a key belongs to one request",
}
"""By operation: what its input must mean, beside what a schema says of it."""
_TAGGED = [
    f"{method} /api/v1/{what}{step}"
    for what, others in (
        ("schedules/{schedule_id}", ("/enable", "/disable")),
        ("backups/plans/{schedule_id}", ("/enable", "/disable")),
        ("calendars/{calendar_id}", ("/import",)),
        ("keys/{key_id}", ()),
        ("workflows/{workflow_id}", ()),
        ("webhooks/{webhook_id}", ("/rotate", "/enable", "/disable")),
        ("repositories/{repository_id}", ("/enable", "/disable")),
        ("targets/{target_id}", ("/enable", "/disable")),
    )
    for method, step in (
        *(("GET", ""), ("PATCH", ""), ("DELETE", "")),
        *(("POST", other) for other in others),
    )
]
"""Operations that take an ETag: schemathesis sends 0, since it finds no text with quotes."""


def config(*, stateful: bool = True) -> SchemathesisConfig:
    def accepts(*statuses: str) -> dict[str, Any]:
        return {"positive_data_acceptance": {"expected-statuses": [*_TAKEN, *statuses]}}

    return SchemathesisConfig.from_dict(
        {
            "generation": {
                "max-examples": EXAMPLES,
                "deterministic": True,
                "database": "none",
                "with-security-parameters": False,
            },
            "request-timeout": 60,
            "phases": {
                "examples": {},
                "coverage": {"unexpected-methods": []},  # tests/unit/api/test_requests.py
                "fuzzing": {},
                "stateful": {"enabled": stateful},
            },
            # the host looks at keys, before the app sees a request
            "checks": {"ignored_auth": {"enabled": False}, **accepts()},
            "operations": [
                {"include-name": name, "checks": accepts("422")} for name in {*_MEANING, *_TAGGED}
            ],
            "continue-on-failure": True,
            "warnings": False,
        }
    )


def failures(served: FastAPI, path: str, settings: SchemathesisConfig) -> Iterator[str]:
    """What is wrong, in words."""
    schema = schemathesis.openapi.from_asgi(path, served, config=settings)
    for event in from_schema(schema).execute():
        match event:
            case events.ScenarioFinished(recorder=recorder):
                for checks in recorder.checks.values():
                    for check in checks:
                        if check.failure_info is not None:
                            failure = check.failure_info.failure
                            yield f"{failure}\n{check.failure_info.code_sample}"
            case events.NonFatalError(value=error) | events.FatalError(exception=error):
                raise error


@pytest.fixture
def served(azurite: Azurite, tmp_path: Path) -> FastAPI:
    """The API of an app with all tasks, and a company's database."""
    url = f"sqlite:///{tmp_path}/company.db"
    upgrade(Secret(url))
    made = make(azurite, tasks=tuple(functions.tasks()), environ={"DATABASE_URL": url})
    return api(lambda: made.app)


def test_the_app_is_as_its_description_says(
    served: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    found = list(failures(served, pages.DESCRIPTION, config()))
    assert not found, "\n\n".join(found)


def test_an_app_that_is_not_as_it_says_is_found_out() -> None:
    lying = FastAPI()

    @lying.get("/number", response_model=None)
    def number(most: int) -> Any:
        return {"most": most}

    described = lying.openapi()
    answer = described["paths"]["/number"]["get"]["responses"]["200"]
    answer["content"] = {"application/json": {"schema": {"type": "integer"}}}
    found = list(failures(lying, "/openapi.json", config(stateful=False)))
    assert any("is not of type" in one for one in found), found


def test_what_is_said_of_operations_is_said_of_some_that_exist(served: FastAPI) -> None:
    paths = served.openapi()["paths"]
    known = {f"{method.upper()} {path}" for path in paths for method in paths[path]}
    assert {*_MEANING, *_TAGGED} <= known
