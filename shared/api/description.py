"""The OpenAPI description: what each operation may answer with, the keys it takes, and examples.

An operation's id is its function's name. People's clients are generated from these, so a name must
not change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from shared.api import said
from shared.api.examples import BODIES, PARAMETERS, PROBLEMS
from shared.api.problems import CONTENT_TYPE, Problem
from shared.workflows.written import WorkflowPart

_REFERENCE = "#/components/schemas/{model}"
_SAID = {
    304: "It is as the caller has it already",
    400: "The body cannot be read",
    401: "No key, or a wrong one; where the function key is, the host answers, without a body",
    403: "The caller's role does not allow this, or it concerns all projects",
    404: "There is no such thing",
    409: "Its present state does not allow this, or others are changing it at the same time",
    411: "The body is sent in chunks, without its length, so that the host drops it",
    412: "It was changed since the caller read it (`If-Match`)",
    413: "The body is too large",
    415: "The body is not sent as JSON",
    422: "A value is wrong; `errors` names each field",
    429: "Too many requests with this key, or too many wrong keys from this address",
    500: "A defect, or a setting that is wrong",
    502: "The storage refused",
    503: "The storage did not answer; ask again later",
}
_BARE = (304, 401)
"""Answers without a body; 401 is the host's."""
_LATER = {"Retry-After": {"description": "In so many seconds.", "schema": {"type": "integer"}}}
_KEYS = {
    "key_in_header": {
        "type": "apiKey",
        "in": "header",
        "name": "x-functions-key",
        "description": "A function key, or the host's. On one machine none is asked for.",
    },
    "key_in_query": {
        "type": "apiKey",
        "in": "query",
        "name": "code",
        "description": "The same key; a URL stands in logs, so prefer the header.",
    },
    "key_of_caller": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key of Belfry (`bfy_...`), once one was made.",
    },
}

_OF_HOST = ("key_in_header", "key_in_query")


class Described(FastAPI):
    """An app whose description shows the errors of `problems` instead of FastAPI's own."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = _completed(super().openapi())
        return self.openapi_schema


def operation_id(route: APIRoute) -> str:
    """The id of a route's operation."""
    return route.name


def _completed(spec: dict[str, Any]) -> dict[str, Any]:
    schemas = spec["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for model in (Problem, WorkflowPart):  # which no route declares
        made = model.model_json_schema(ref_template=_REFERENCE)
        schemas |= {**made.pop("$defs"), model.__name__: made}
    spec["components"]["securitySchemes"] = _KEYS
    spec["security"] = [{"key_of_caller": [], name: []} for name in _OF_HOST]
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            _complete(path, method, operation)
    return spec


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    declared = {int(status) for status in answers}
    for status in {*_may_come(path, method, operation), *declared}:
        if status in _SAID:
            answers[str(status)] = _answer(status)
    operation["responses"] = dict(sorted(answers.items()))
    for parameter in operation.get("parameters", ()):
        _complete_parameter(parameter)
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]["application/json"]
        # An optional body is left out, and not null: generated clients would send null.
        content["schema"] = _without_null(content["schema"])
        shown = BODIES[_model(content["schema"])]
        content["examples"] = {words: {"value": value} for words, value in shown.items()}


def _complete_parameter(parameter: dict[str, Any]) -> None:
    """Complete a parameter. An optional parameter is left out, and not null: a URL has no null."""
    schema = parameter["schema"]
    schema.pop("title", None)
    parameter["schema"] = _without_null(schema)
    if "description" not in parameter and parameter["name"] in said.PARAMETERS:
        parameter["description"] = said.PARAMETERS[parameter["name"]]
    if parameter["name"] in PARAMETERS and "examples" not in parameter:
        parameter["example"] = PARAMETERS[parameter["name"]]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    kinds: list[dict[str, Any]]
    kinds = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    rest = {word: value for word, value in schema.items() if word != "anyOf"}
    if len(kinds) == 1:
        return rest | kinds[0]
    return rest | ({"anyOf": kinds} if kinds else {})


def _model(schema: dict[str, Any]) -> str:
    """The name of the model that a body is."""
    return str(schema["$ref"]).rpartition("/")[2]


def _may_come(path: str, method: str, operation: dict[str, Any]) -> Iterator[int]:
    """The statuses that all such operations may answer with; a route declares any others."""
    if "requestBody" in operation:
        yield from (400, 411, 413, 415)
    if "{" in path:
        yield 404
    if method != "get":
        yield 409
    yield from (401, 403, 422, 429, 500, 502, 503)


def _answer(status: int) -> dict[str, Any]:
    if status in _BARE:
        return {"description": _SAID[status]}
    schema = {"$ref": _REFERENCE.format(model=Problem.__name__)}
    content: dict[str, Any] = {"schema": schema}
    if status in PROBLEMS:
        content["example"] = PROBLEMS[status]
    answer = {"description": _SAID[status], "content": {CONTENT_TYPE: content}}
    return answer | {"headers": _LATER} if status in (429, 503) else answer
