"""Budgets and what was spent of them, as rows of a table of their own.

| partition | row key | what |
|---|---|---|
| `budgets` | `project:{number}` or `schedule:{id}` | a budget |
| `of:{that key}` | `current` | what was spent in the present day or month |
| `of:{that key}` | `running:{job}` | what is reserved for a job that runs |
| `of:{that key}` | `counted:{due}:{job}` | that the job was counted |

A counter is written together with what it counts, so a job that is counted again changes nothing.
`keep_until` says when a row may be removed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from shared.errors import Damaged
from shared.recurrence import zone
from shared.schedules.job import parse_id
from shared.spending.counting import Counter, Ended, Reserved
from shared.spending.model import Budget, Period, Scope

BUDGETS = "budgets"
CURRENT, RUNNING, COUNTED = "current", "running:", "counted:"
_KEPT = timedelta(days=15)
"""How long it is known that a job was counted: longer than the feed of jobs waits to be packed."""
_GARBLED = (ValueError, KeyError, TypeError, AttributeError, InvalidOperation)


def partition(scope: Scope) -> str:
    return f"of:{scope.key}"


def stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def counted_key(job_id: str) -> str:
    return f"{COUNTED}{parse_id(job_id)[1]:%Y%m%dT%H%M%SZ}:{job_id}"


def of_counted(job: Ended, now: datetime) -> dict[str, Any]:
    return {"micros": str(job.micros), "at": stamp(job.at), "keep_until": stamp(now + _KEPT)}


def of_reserved(one: Reserved) -> dict[str, Any]:
    return {
        "micros": str(one.micros),
        "until": stamp(one.until),
        "keep_until": stamp(one.until + timedelta(days=1)),
    }


def to_reserved(row: Mapping[str, Any]) -> Reserved | None:
    """None if the row cannot be read: then it reserves nothing."""
    try:
        return Reserved(_amount(row["micros"]), datetime.fromisoformat(row["until"]))
    except _GARBLED:
        return None


def of_counter(one: Counter) -> dict[str, Any]:
    learned = {key: str(value) for key, value in one.learned.items()}
    return {
        "kind": one.kind,
        "name": one.name,
        "begin": stamp(one.begin) if one.begin else "",
        "micros": str(one.micros),
        "jobs": str(one.jobs),
        "over_since": stamp(one.over_since) if one.over_since else "",
        "told": one.told,
        "learned": json.dumps(learned, separators=(",", ":")),
    }


def to_counter(row: Mapping[str, Any]) -> Counter:
    """Raises `Damaged`."""
    try:
        return Counter(
            kind=row["kind"],
            name=row["name"],
            begin=_instant(row["begin"]),
            micros=_amount(row["micros"]),
            jobs=int(row["jobs"]),
            over_since=_instant(row["over_since"]),
            told=row["told"],
            learned={str(key): _amount(one) for key, one in json.loads(row["learned"]).items()},
        )
    except _GARBLED as error:
        where = row.get("PartitionKey", "?")
        raise Damaged(f"the counter {where} cannot be read ({error}); it begins anew") from None


def of_budget(one: Budget) -> dict[str, Any]:
    return {
        "micros": str(one.micros),
        "currency": one.currency,
        "period": one.period.value,
        "timezone": one.timezone,
        "set_at": stamp(one.set_at),
        "set_by": one.set_by,
    }


def to_budget(row: Mapping[str, Any]) -> Budget:
    """Raises `Damaged`."""
    try:
        zone.find(row["timezone"])
        return Budget(
            scope=Scope.parsed(row["RowKey"]),
            micros=_amount(row["micros"]),
            currency=row["currency"],
            period=Period(row["period"]),
            timezone=row["timezone"],
            set_at=datetime.fromisoformat(row["set_at"]),
            set_by=row["set_by"],
        )
    except _GARBLED as error:
        raise Damaged(
            f"the budget {row.get('RowKey', '?')!r:.80} cannot be read ({error}); set it anew"
        ) from None


def _amount(text: str) -> Decimal:
    found = Decimal(text)
    if not found.is_finite():
        raise ValueError(f"{text!r:.20} is no amount")
    return found


def _instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
