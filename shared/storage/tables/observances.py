"""The calendars that a recurrence observes, as the text of a property: compact JSON."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from shared.recurrence import Blackout, Calendar, CalendarRule, DayOff, Observance

ROOM = 32_000
"""The most characters in a property: 64 KiB in UTF-16."""


def to_text(observance: Observance | None) -> str:
    """Empty for None."""
    if observance is None:
        return ""
    said = {
        "rule": observance.rule.value,
        "calendars": [_said(calendar) for calendar in observance.calendars],
    }
    return json.dumps(said, separators=(",", ":"))


@functools.lru_cache(256)
def of_text(text: str) -> Observance | None:
    """The observance. Raises `ValueError`, `KeyError` or `TypeError` if the text is garbled."""
    if not text:
        return None
    said = json.loads(text)
    return Observance(
        rule=CalendarRule(said["rule"]),
        calendars=tuple(_calendar(one) for one in said["calendars"]),
    )


def days_said(days: Sequence[DayOff], reasons: list[str]) -> list[list[Any]]:
    """Each day with the number of its reason; new reasons are added."""
    return [[one.day.isoformat(), _number(one.reason, reasons)] for one in days]


def blackouts_said(blackouts: Sequence[Blackout], reasons: list[str]) -> list[list[Any]]:
    """Each blackout with the number of its reason; new reasons are added."""
    return [
        [one.begin.isoformat(), one.end.isoformat(), _number(one.reason, reasons)]
        for one in blackouts
    ]


def days_of(said: Sequence[Sequence[Any]], reasons: Sequence[str]) -> tuple[DayOff, ...]:
    return tuple(DayOff(date.fromisoformat(day), reasons[number]) for day, number in said)


def blackouts_of(said: Sequence[Sequence[Any]], reasons: Sequence[str]) -> tuple[Blackout, ...]:
    return tuple(
        Blackout(datetime.fromisoformat(begin), datetime.fromisoformat(end), reasons[number])
        for begin, end, number in said
    )


def hours_of(said: Sequence[Any]) -> tuple[tuple[tuple[int, int], ...], ...]:
    return tuple(tuple((first, last) for first, last in weekday) for weekday in said)


def _said(calendar: Calendar) -> dict[str, Any]:
    reasons: list[str] = []
    return {
        "id": calendar.id,
        "name": calendar.name,
        "version": calendar.version,
        "zone": calendar.timezone,
        "days": days_said(calendar.days, reasons),
        "blackouts": blackouts_said(calendar.blackouts, reasons),
        "hours": calendar.hours,
        "reasons": reasons,
    }


def _calendar(said: Mapping[str, Any]) -> Calendar:
    reasons = said["reasons"]
    return Calendar(
        id=said["id"],
        name=said["name"],
        version=said["version"],
        timezone=said["zone"],
        days=days_of(said["days"], reasons),
        blackouts=blackouts_of(said["blackouts"], reasons),
        hours=hours_of(said["hours"]),
    )


def _number(reason: str, reasons: list[str]) -> int:
    if reason not in reasons:
        reasons.append(reason)
    return reasons.index(reason)
