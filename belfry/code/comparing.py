"""What is wanted against what is stored, field by field.

A field that a file leaves out is wanted as the API makes it by default: a line that is removed from
a file is undone. Left alone are those whose default is not the API's to say (the task's timeout and
retries; the caller's project; where an interval without a start begins).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

SCHEDULE_DEFAULTS: Mapping[str, Any] = {
    "description": "",
    "enabled": True,
    "timezone": "UTC",
    "task_parameters": {},
    "tags": {},
    "cron_expression": None,
    "cron_expressions": [],
    "exclude_cron_expressions": [],
    "rrule": None,
    "interval_seconds": None,
    "start_time": None,
    "start_local": None,
    "end_time": None,
    "calendars": [],
    "catch_up": "none",
    "catch_up_limit": 100,
    "overlap": "skip",
    "jitter_seconds": 0,
    "max_runs": None,
    "pause_after_failures": None,
    "band": "alert",
}
OF_TASK = (
    *("misfire_grace_seconds", "timeout_seconds", "max_attempts", "retry_delay_seconds"),
    "max_retry_delay_seconds",
)
"""What has the task's default: compared only if a file gives it."""
_GIVEN_ONLY = ("name", "task_type", "frequency", "project_id", "calendar_rule", *OF_TASK)
FIXED = ("task_type", "project_id")
"""What no change can change."""
RECURRENCE = frozenset(
    {
        *("frequency", "timezone", "cron_expression", "cron_expressions", "rrule", "enabled"),
        *("exclude_cron_expressions", "interval_seconds", "start_time", "start_local", "end_time"),
        *("calendars", "calendar_rule"),
    }
)
"""What decides when it runs."""
_INSTANTS = frozenset({"start_time", "end_time"})
CALENDAR_DEFAULTS: Mapping[str, Any] = {
    "description": "",
    "timezone": None,
    "holidays": None,
    "days": [],
    "blackouts": [],
    "working_hours": None,
}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Difference:
    """A field that is not as it is wanted."""

    field: str
    before: Any
    after: Any


def decided(stored: Mapping[str, Any]) -> str:
    """A digest of what people decided of a schedule, as the API shows it."""
    said = {name: stored.get(name) for name in (*SCHEDULE_DEFAULTS, *_GIVEN_ONLY)}
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def of_schedule(wanted: Mapping[str, Any], stored: Mapping[str, Any]) -> list[Difference]:
    """What would be changed of a schedule; `wanted` is a body of the API."""
    expected = dict(SCHEDULE_DEFAULTS) | dict(wanted)
    if expected["calendars"]:
        expected.setdefault("calendar_rule", "skip")
    if _starts_by_itself(expected):
        del expected["start_time"], expected["start_local"]
    return _differences(expected, stored, _schedule_value)


def of_calendar(wanted: Mapping[str, Any], stored: Mapping[str, Any]) -> list[Difference]:
    """What would be changed of a calendar."""
    expected = {**CALENDAR_DEFAULTS, **wanted}
    return _differences(expected, stored, _calendar_value)


def _starts_by_itself(expected: Mapping[str, Any]) -> bool:
    frequencies = ("interval", "rrule")
    given = expected["start_time"] or expected["start_local"]
    return expected.get("frequency") in frequencies and not given


def _differences(
    expected: Mapping[str, Any], stored: Mapping[str, Any], plain: Any
) -> list[Difference]:
    return [
        Difference(name, stored.get(name), value)
        for name, value in expected.items()
        if plain(name, value) != plain(name, stored.get(name))
    ]


def _schedule_value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _INSTANTS:
        return _instant(value)
    if name == "start_local":
        return _local(value)
    if name in ("name", "tags"):
        return _trimmed(value)
    return _typed(value)


def _calendar_value(name: str, value: Any) -> Any:
    if value is None:
        return None
    match name:
        case "holidays":
            return {"subdivision": None, "categories": ["public"], **value}
        case "days":
            found = {one["day"]: one.get("reason", "closed").strip() for one in value}
            return sorted(found.items())
        case "blackouts":
            return sorted(
                (
                    str(_local(one["begin"])),
                    str(_local(one["end"])),
                    one.get("reason", "blackout").strip(),
                )
                for one in value
            )
        case "working_hours":
            return {day: sorted(value.get(day) or []) for day in _WEEKDAYS}
    return _trimmed(value) if name == "name" else value


def _local(text: str) -> datetime | str:
    """A time; what is none stays text, and the API says what is wrong with it."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def _instant(text: str) -> datetime | str:
    """An instant; what the API takes without an offset is in UTC."""
    found = _local(text)
    if isinstance(found, str) or found.tzinfo is not None:
        return found
    return found.replace(tzinfo=UTC)


def _trimmed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: one.strip() for name, one in value.items()}
    return value.strip()


def _typed(value: Any) -> Any:
    """The value, so that true and 1 differ, also deep inside."""
    if isinstance(value, dict):
        return {name: _typed(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_typed(one) for one in value]
    return (isinstance(value, bool), value)
