"""Converts notifications to rows and back; `outbox` explains the keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from shared.errors import Damaged
from shared.notifications.model import Entry, NotificationStatus
from shared.storage.tables import row_keys
from shared.storage.tables.batch import Delete, Insert, Operation, Upsert

PARTITION = "messages"
ROW = "message:"
"""What the key of a notification's row begins with. This, `PARTITION` and the table's name
(`Names.notifications`) must not change: what was sent would be forgotten, and sent again."""


class Lane(StrEnum):
    """What is to be done with a notification when it is due. Each lane is worked off by itself, so
    that none waits behind another: thousands of messages to owners must not hold up an alert."""

    ADMINISTRATORS = "administrators"
    IN_DOUBT = "in_doubt"
    """An owner's, of which nobody knows whether it was sent."""
    OWNERS = "owners"


def lane(entry: Entry) -> Lane:
    """The lane that a notification is in."""
    if not entry.to_owner:
        return Lane.ADMINISTRATORS
    doubtful = (NotificationStatus.SENDING, NotificationStatus.UNSETTLED)
    return Lane.IN_DOUBT if entry.status in doubtful else Lane.OWNERS


def notification_key(id: str) -> str:
    return f"{ROW}{id}"


def due_key(at: datetime, id: str = "") -> str:
    return f"due:{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}:{id}"


def beginning(prefix: str) -> str:
    """A filter for the rows whose keys begin with `prefix`."""
    return row_keys.of(PARTITION, row_keys.beginning(prefix))


def new_rows(entry: Entry) -> list[Operation]:
    """Writes the rows of a notification that was not stored before."""
    rows: list[Operation] = [
        Insert(f"key:{entry.digest}", {"id": entry.id}),
        Insert(notification_key(entry.id), properties(entry)),
    ]
    return rows + _due_rows(None, entry)


def moved(before: Entry, after: Entry) -> list[Operation]:
    """Writes what has changed in when it is due, and in which lane."""
    same = (before.next_at, lane(before)) == (after.next_at, lane(after))
    return [] if same else _due_rows(before, after)


def _due_rows(before: Entry | None, after: Entry) -> list[Operation]:
    rows: list[Operation] = []
    gone = before.next_at if before is not None else None
    if gone is not None and gone != after.next_at:
        rows.append(Delete(due_key(gone, after.id)))
    if after.next_at is not None:
        write = Upsert if gone == after.next_at else Insert
        rows.append(write(due_key(after.next_at, after.id), {"lane": lane(after).value}))
    return rows


def properties(entry: Entry) -> dict[str, Any]:
    """The row's properties. A merge cannot remove one, so a value that is not set is an empty
    string."""
    return {
        "key": entry.key,
        "channel": entry.channel,
        "recipient": entry.recipient,
        "subject": entry.subject,
        "text": entry.text,
        "status": entry.status.value,
        "attempts": entry.attempts,
        "error": entry.error or "",
        "provider_id": entry.provider_id or "",
        "created_at": stamp(entry.created_at),
        "next_at": stamp(entry.next_at),
        "sent_at": stamp(entry.sent_at),
        "holder": entry.holder,
        "claimed_at": stamp(entry.claimed_at),
        "kind": entry.kind,
        "about": json.dumps(dict(entry.about)),
        "tenant_id": "" if entry.tenant_id is None else str(entry.tenant_id),
        "owner_id": "" if entry.owner_id is None else str(entry.owner_id),
        "task": entry.task,
        "trace": entry.trace,
        "useful_until": stamp(entry.useful_until),
        "address": entry.address,
        "segments": entry.segments,
        "cost_micros": "" if entry.cost_micros is None else str(entry.cost_micros),
        "cost_currency": entry.cost_currency,
        "cost_estimated": entry.cost_estimated,
        "error_code": entry.error_code or "",
        "lookups": entry.lookups,
    }


def to_entry(row: Mapping[str, Any]) -> Entry:
    """The notification in a row. Raises `Damaged` if it cannot be read, also because a value has
    another type: somebody may have changed the row by hand."""
    try:
        return Entry(
            id=row["RowKey"].removeprefix(ROW),
            key=_text(row["key"]),
            channel=_text(row["channel"]),
            recipient=_text(row["recipient"]),
            subject=_text(row["subject"]),
            text=_text(row["text"]),
            status=NotificationStatus(row["status"]),
            attempts=_count(row["attempts"]),
            error=_text(row["error"]) or None,
            provider_id=_text(row["provider_id"]) or None,
            created_at=_at(row["created_at"]),
            next_at=_instant(row["next_at"]),
            sent_at=_instant(row["sent_at"]),
            holder=_text(row["holder"]),
            kind=_text(row.get("kind", "")),  # and what follows: rows of the first versions lack it
            claimed_at=_instant(row.get("claimed_at", "")),
            about=_object(row.get("about") or "{}"),
            tenant_id=_number(row.get("tenant_id")),
            owner_id=_number(row.get("owner_id")),
            task=_text(row.get("task", "")),
            trace=_text(row.get("trace", "")),
            useful_until=_instant(row.get("useful_until", "")),
            address=_text(row.get("address", "")),
            segments=_count(row.get("segments", 0)),
            cost_micros=_number(row.get("cost_micros")),
            cost_currency=_text(row.get("cost_currency", "")),
            cost_estimated=bool(row.get("cost_estimated", False)),
            error_code=_text(row.get("error_code", "")) or None,
            lookups=_count(row.get("lookups", 0)),
            etag=row["etag"],
        )
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise Damaged(
            f"the notification's row {row['RowKey']} cannot be read ({error!r:.200})"
        ) from error


def stamp(at: datetime | None) -> str:
    """The instant as rows have it; their order is that of the instants. None: an empty string."""
    return "" if at is None else at.astimezone(UTC).isoformat()


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _instant(text: str) -> datetime | None:
    return _at(text) if text else None


def _at(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} is no text")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r:.60} is no whole number")
    return value


def _object(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError(f"{text:.60} is no JSON object")
    return found
