"""What is sent, and the ids of deliveries. Pure.

Both come from the occurrence: a schedule and when it was due. So whoever delivers the same
occurrence again, after a kill or by hand, sends the same `webhook-id`, and a receiver that has seen
it can leave it out.
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
    item: int | None = None
    """Of a batch, if one asks for it."""


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


def delivery_id(hook: str, schedule_id: str, due_at: datetime, item: int | None = None) -> str:
    """The id of a delivery. Those of a webhook sort newest first. Each item of a batch has its own:
    one with the id of another would be taken for it, and be lost."""
    left = _END_OF_TIME - int(due_at.timestamp() * 1000)
    occurrence = f"{hook}|{schedule_id}|{_instant(due_at)}{'' if item is None else f'|{item}'}"
    return f"{hook}-{left:013d}-{sha256(occurrence.encode()).hexdigest()[:16]}"


def span(hook: str, since: datetime | None, until: datetime | None) -> tuple[str, str]:
    """(the least id, what is beyond the greatest) of deliveries to a webhook that were due from
    `since` on and before `until`."""

    def of(at: datetime) -> str:
        return f"{hook}-{_END_OF_TIME - int(at.timestamp() * 1000):013d}"

    first = f"{hook}-" if until is None else of(until) + "~"  # ids at `until` itself are left out
    return first, f"{hook}-~" if since is None else of(since) + "~"


def is_id(text: str) -> bool:
    """Whether it could be a delivery's id."""
    return _ID.fullmatch(text) is not None


def hook_of(id: str) -> str:
    """The key of the webhook that a delivery goes to, by its id."""
    return id.partition("-")[0]


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
