"""The OpenAPI description, with the problems that each operation may answer with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from shared.api.problems import CONTENT_TYPE, Problem

_REFERENCE = "#/components/schemas/{model}"
_SAID = {
    400: "The body cannot be read",
    404: "There is no such thing",
    409: "Its present state does not allow this, or others are changing it at the same time",
    422: "A value is wrong; `errors` names each field",
    500: "A defect, or a setting that is wrong",
    502: "The storage refused",
    503: "The storage did not answer; ask again later",
}
_LATER = {"Retry-After": {"description": "In so many seconds.", "schema": {"type": "integer"}}}


class Described(FastAPI):
    """An app whose description says what `problems` does, in the place of FastAPI's own errors."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = _with_problems(super().openapi())
        return self.openapi_schema


def _with_problems(spec: dict[str, Any]) -> dict[str, Any]:
    schemas = spec["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = Problem.model_json_schema(ref_template=_REFERENCE)
    schemas |= {**problem.pop("$defs"), Problem.__name__: problem}
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            for status in _may_come(path, method, operation):
                operation["responses"][str(status)] = _answer(status)
    return spec


def _may_come(path: str, method: str, operation: dict[str, Any]) -> Iterator[int]:
    if "requestBody" in operation:
        yield 400
    if "{" in path:
        yield 404
    if method != "get":
        yield 409
    yield from (422, 500, 502, 503)


def _answer(status: int) -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(model=Problem.__name__)}
    answer = {"description": _SAID[status], "content": {CONTENT_TYPE: {"schema": schema}}}
    return answer | {"headers": _LATER} if status == 503 else answer
