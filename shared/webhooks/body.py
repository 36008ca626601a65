"""What is sent, and the ids of deliveries. Pure.

Both come from the occurrence: a schedule and when it was due; in a batch, also the item. So whoever
delivers the same occurrence again, after a kill or by hand, sends the same `webhook-id`, and a
receiver that has seen it can leave it out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

SCHEMA_VERSION = 1
MOST_BYTES = 20_000
"""Of a body (Standard Webhooks, "Payload size": smaller than 20 kB)."""
MOST_PAYLOAD = 18_000
"""Bytes of the `data` that a schedule gives; the rest is for what Belfry says."""
ID = "[0-9a-f]{12}-[0-9]{13}-[0-9a-f]{16}"
_ID = re.compile(ID)
_END_OF_TIME = 10**13
"""In milliseconds since 1970: the year 2286."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is to be delivered."""

    webhook_id: str
    project_id: int | None
    type: str
    """Of the event, such as `campaign.started`."""
    data: Mapping[str, object]
    schedule_id: str
    schedule_name: str = ""
    job_id: str
    due_at: datetime
    part: str = ""
    """Which of several of that schedule and time (`JobContext.part`)."""


def written(value: object) -> str:
    """A JSON value as it is sent. Raises `ValueError` for what is no JSON, such as infinity."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def size(text: str) -> int:
    """In bytes of UTF-8."""
    return len(text.encode())


def body_of(wanted: Wanted, id: str) -> str:
    """The body. `type`, `timestamp` and `data` are as Standard Webhooks has them."""
    due_at = _instant(wanted.due_at)
    said: dict[str, object] = {
        "schema_version": SCHEMA_VERSION,
        "id": id,
        "type": wanted.type,
        "timestamp": due_at,
        "due_at": due_at,
        "schedule": {"id": wanted.schedule_id, "name": wanted.schedule_name},
        "data": dict(wanted.data),
    }
    return written(said)


def hook_key(project_id: int | None, webhook_id: str) -> str:
    """The key of a webhook: twelve hexadecimal digits."""
    owner = "" if project_id is None else str(project_id)
    return sha256(f"{owner}|{webhook_id}".encode()).hexdigest()[:12]


def delivery_id(hook: str, schedule_id: str, due_at: datetime, part: str = "") -> str:
    """The id of a delivery. Those of a webhook sort newest first."""
    left = _END_OF_TIME - int(due_at.timestamp() * 1000)
    occurrence = f"{hook}|{schedule_id}|{_instant(due_at)}" + (f"|{part}" if part else "")
    return f"{hook}-{left:013d}-{sha256(occurrence.encode()).hexdigest()[:16]}"


def is_id(text: str) -> bool:
    """Whether it could be a delivery's id."""
    return _ID.fullmatch(text) is not None


def hook_of(id: str) -> str:
    """The key of the webhook that a delivery goes to, by its id."""
    return id.partition("-")[0]


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
