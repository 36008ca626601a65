"""A digest of each field that people decide, by the API's names.

What the engine counts or does by itself is none of them: it is no drift. Nor is what a file cannot
hold: the heartbeat's URL, and what was imported into a calendar.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, date, datetime
from hashlib import sha256

from shared.calendars.model import NamedCalendar
from shared.recurrence import Recurrence
from shared.schedules.model import Policy, Schedule

LENGTH = 8
"""Characters of a digest: 48 bits."""
_WHEN = tuple(one.name for one in fields(Recurrence) if one.name != "calendar")
_POLICY = tuple(one.name for one in fields(Policy))


def of_schedule(schedule: Schedule) -> dict[str, str]:
    """By field; the calendars' own data is theirs."""
    what = schedule.definition
    when = what.recurrence
    said: dict[str, object] = {
        "name": what.name,
        "description": what.description,
        "task_parameters": what.task_parameters,
        "enabled": what.enabled,
        "tags": what.tags,
        "calendars": when.calendar.names if when.calendar else [],
        "calendar_rule": when.calendar and when.calendar.rule,
    }
    said |= {name: getattr(when, name) for name in _WHEN}
    said |= {name: getattr(schedule.policy, name) for name in _POLICY}
    return _digests(said)


def of_calendar(calendar: NamedCalendar) -> dict[str, str]:
    """By field."""
    what = calendar.definition
    return _digests(
        {
            "name": what.name,
            "description": what.description,
            "timezone": what.timezone,
            "holidays": what.holidays and asdict(what.holidays),
            "days": [asdict(one) for one in what.days],
            "blackouts": [asdict(one) for one in what.blackouts],
            "working_hours": what.hours,
        }
    )


def _digests(said: Mapping[str, object]) -> dict[str, str]:
    return {name: _digest(value) for name, value in said.items()}


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=_plain)
    return urlsafe_b64encode(sha256(text.encode()).digest())[:LENGTH].decode("ascii")


def _plain(value: object) -> object:
    """What JSON has no form for."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} in a definition")
