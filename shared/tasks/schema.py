"""The JSON Schema (2020-12) of a task's parameters, from which a form can be drawn. Pure.

Beside what pydantic says, each parameter has a title in words, and one that names a resource says
of which kind (`x-resource`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.tasks.model import Params

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(params: type[Params], resource: Callable[[str], str | None]) -> dict[str, Any]:
    """The schema. `resource`: the kind of resource that a parameter of that name names."""
    made = params.model_json_schema()
    for name, model in [("", made), *made.get("$defs", {}).items()]:
        _clean(model, resource)
        if name == "":
            model["title"] = "Parameters"
            model.setdefault("properties", {})
    if params.model_fields and (said := (params.__doc__ or "").strip()):
        made["description"] = said
    return {"$schema": DIALECT, **made}


def _clean(model: dict[str, Any], resource: Callable[[str], str | None]) -> None:
    for name, field in model.get("properties", {}).items():
        field["title"] = name.replace("_", " ").capitalize()
        if (kind := resource(name)) is not None:
            field["x-resource"] = kind
