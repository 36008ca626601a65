"""The JSON Schema of `belfry.yaml`, made of the API's description, so that the two agree.

What the API takes with null, a file leaves out: each field is there with a value, or not at all.
The schema is stored as `docs/belfry.schema.json`, for editors and for `belfry plan`, which needs no
connection to say what is wrong with a file. A test holds it to the description.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from belfry.code.wanted import MANAGED_BY, MANAGED_KEY

STORED = Path(__file__).parents[2] / "docs" / "belfry.schema.json"
_REF = "#/components/schemas/"
_SECRETS = ("heartbeat_url",)
"""Fields that do not belong into a file: the API takes them, and does not show them again. What a
schedule has of them stays as it is."""
_KEY = "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
_OWNER = "^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$"
_TEXTS: Mapping[str, str] = {
    "owner": "Who these schedules belong to: plan and apply look at those of this owner alone.",
    "project_id": "The project of those below that name none.",
    "schedules": "By a key each, which stays when the name changes.",
    "calendars": "By their names.",
    "id": "An existing schedule, which this entry takes over.",
}


def from_description(description: Mapping[str, Any]) -> dict[str, Any]:
    """The schema, made of an OpenAPI document of Belfry."""
    given = description["components"]["schemas"]
    needed: dict[str, Any] = {}
    schedule = _entry(given["NewSchedule"], given, needed)
    schedule["properties"]["id"] = {"type": "string", "minLength": 1, "description": _TEXTS["id"]}
    for secret in _SECRETS:
        schedule["properties"].pop(secret, None)
    reserved = {"not": {"enum": [MANAGED_BY, MANAGED_KEY]}}
    tags = schedule["properties"]["tags"]
    tags["propertyNames"] = {"allOf": [tags["propertyNames"], reserved]}
    tags["maxProperties"] -= 2
    calendar = _entry(given["NewCalendar"], given, needed)
    del calendar["properties"]["name"]
    calendar["properties"]["description"]["maxLength"] -= 200  # there, the owner is marked
    project = schedule["properties"]["project_id"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Belfry's schedules as code",
        "type": "object",
        "additionalProperties": False,
        "required": ["owner"],
        "properties": {
            "owner": {
                "type": "string",
                "pattern": _OWNER,
                "maxLength": 100,
                "description": _TEXTS["owner"],
            },
            "project_id": project | {"description": _TEXTS["project_id"]},
            "calendars": _named(calendar, {"minLength": 1, "maxLength": 200}, "calendars"),
            "schedules": _named(schedule, {"pattern": _KEY}, "schedules"),
        },
        "$defs": dict(sorted(needed.items())),
    }


def stored() -> dict[str, Any]:
    """The schema, as it came with this version."""
    found: dict[str, Any] = json.loads(STORED.read_text(encoding="utf-8"))
    return found


def text(schema: Mapping[str, Any]) -> str:
    """As it is stored."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _entry(
    model: Mapping[str, Any], given: Mapping[str, Any], needed: dict[str, Any]
) -> dict[str, Any]:
    made: dict[str, Any] = _plain(model, given, needed)
    made["required"] = [name for name in made["required"] if name != "name"]
    if not made["required"]:
        del made["required"]
    del made["title"]
    return made


def _named(entry: Mapping[str, Any], names: Mapping[str, Any], what: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": _TEXTS[what],
        "propertyNames": dict(names),
        "additionalProperties": entry,
    }


def _plain(value: Any, given: Mapping[str, Any], needed: dict[str, Any]) -> Any:
    """The part of a description, without null, its references among `$defs`."""
    if isinstance(value, list):
        return [_plain(one, given, needed) for one in value]
    if not isinstance(value, dict):
        return _number(value)
    if "$ref" in value:
        return _referred(value, given, needed)
    made = {name: _plain(one, given, needed) for name, one in value.items()}
    if isinstance(value.get("properties"), dict):
        for one in made["properties"].values():
            one.pop("title", None)
    options = [one for one in made.get("anyOf", ()) if one != {"type": "null"}]
    if len(options) == 1:
        del made["anyOf"]
        made = options[0] | made
    return made


def _referred(
    value: Mapping[str, Any], given: Mapping[str, Any], needed: dict[str, Any]
) -> dict[str, Any]:
    name = value["$ref"].removeprefix(_REF)
    if name not in needed:
        needed[name] = {}  # a model that contains itself ends here
        needed[name] = _plain(given[name], given, needed)
    rest = {key: one for key, one in value.items() if key != "$ref"}
    return {"$ref": f"#/$defs/{name}", **rest}


def _number(value: Any) -> Any:
    """A whole number as one: FastAPI shows limits as floats, which editors show so too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
