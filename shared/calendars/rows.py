"""Calendars and feeds as rows of the table of schedules, in a partition of their own.

| row key | what |
|---|---|
| `calendar:{id}` | a calendar as it is |
| `name:{digest}` | that its name is taken in its project, or for all projects |
| `calendar_version:{id}:{version}` | what it said at each version |
| `feed:{id}` | a calendar feed; its token is not stored |
| `token:{hash}` | which feed a token opens, by the token's SHA-256 |
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.calendars.model import Definition, Holidays, Imported, NamedCalendar
from shared.errors import Damaged, Invalid
from shared.storage.tables.observances import (
    ROOM,
    blackouts_of,
    blackouts_said,
    days_of,
    days_said,
    hours_of,
)

PARTITION = "calendars"


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """A calendar feed of a project's coming runs."""

    id: str
    name: str
    project_id: int | None
    """None: what belongs to any project, or to none."""
    hash: str
    """The SHA-256 of its token."""
    created_at: datetime
    created_by: str


def calendar_key(calendar_id: str = "") -> str:
    return f"calendar:{calendar_id}"


def name_key(name: str, project_id: int | None) -> str:
    scope = "all" if project_id is None else str(project_id)
    return f"name:{hashlib.sha256(f'{scope}:{name.casefold()}'.encode()).hexdigest()}"


def version_key(calendar: NamedCalendar) -> str:
    return f"calendar_version:{calendar.id}:{calendar.version:08d}"


def feed_key(feed_id: str = "") -> str:
    return f"feed:{feed_id}"


def token_key(hashed: str) -> str:
    return f"token:{hashed}"


def properties(calendar: NamedCalendar) -> dict[str, Any]:
    """Raises `Invalid` if it is too large for a row."""
    said = json.dumps(_said(calendar), separators=(",", ":"))
    if len(said) > ROOM:
        raise Invalid(
            "days",
            f"the calendar has {len(said):,} characters as JSON, and {ROOM:,} can be kept; make "
            "several of it: a schedule may name more than one",
        )
    return {"said": said, "version": calendar.version, "name": calendar.definition.name}


def to_calendar(row: Mapping[str, Any]) -> NamedCalendar:
    """Raises `Damaged` if somebody wrote something else into the row."""
    try:
        return _calendar(
            str(row["RowKey"]).rpartition(":")[2], json.loads(row["said"]), row["etag"]
        )
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise Damaged(f"the row {row['RowKey']} cannot be read: {error!r:.200}") from error


def _said(calendar: NamedCalendar) -> dict[str, Any]:
    what = calendar.definition
    reasons: list[str] = []
    return {
        "name": what.name,
        "project_id": what.project_id,
        "description": what.description,
        "zone": what.timezone,
        "holidays": what.holidays
        and [what.holidays.country, what.holidays.subdivision, what.holidays.categories],
        "days": days_said(what.days, reasons),
        "blackouts": blackouts_said(what.blackouts, reasons),
        "hours": what.hours,
        "dates": days_said(calendar.dates, reasons),
        "dates_to": calendar.dates_to,
        "imported_days": days_said(calendar.imported.days, reasons),
        "imported_blackouts": blackouts_said(calendar.imported.blackouts, reasons),
        "imported_at": calendar.imported_at and calendar.imported_at.isoformat(),
        "version": calendar.version,
        "revision": calendar.revision,
        "reached": calendar.reached,
        "deleting": calendar.deleting,
        "created_at": calendar.created_at.isoformat(),
        "updated_at": calendar.updated_at.isoformat(),
        "reasons": reasons,
    }


def _calendar(calendar_id: str, said: Mapping[str, Any], etag: str) -> NamedCalendar:
    reasons, holidays, at = said["reasons"], said["holidays"], said["imported_at"]
    return NamedCalendar(
        id=calendar_id,
        definition=Definition(
            name=said["name"],
            project_id=said["project_id"],
            description=said["description"],
            timezone=said["zone"],
            holidays=holidays
            and Holidays(
                country=holidays[0], subdivision=holidays[1], categories=tuple(holidays[2])
            ),
            days=days_of(said["days"], reasons),
            blackouts=blackouts_of(said["blackouts"], reasons),
            hours=hours_of(said["hours"]),
        ),
        dates=days_of(said["dates"], reasons),
        dates_to=said["dates_to"],
        imported=Imported(
            days=days_of(said["imported_days"], reasons),
            blackouts=blackouts_of(said["imported_blackouts"], reasons),
        ),
        imported_at=at and datetime.fromisoformat(at),
        version=said["version"],
        revision=said.get("revision", said["version"]),  # rows of before there were revisions
        reached=said["reached"],
        deleting=said["deleting"],
        created_at=datetime.fromisoformat(said["created_at"]),
        updated_at=datetime.fromisoformat(said["updated_at"]),
        etag=etag,
    )


def feed_properties(feed: Feed) -> dict[str, Any]:
    return {
        "name": feed.name,
        "project_id": "" if feed.project_id is None else str(feed.project_id),
        "hash": feed.hash,
        "created_at": feed.created_at.isoformat(),
        "created_by": feed.created_by,
    }


def to_feed(row: Mapping[str, Any]) -> Feed:
    return Feed(
        id=str(row["RowKey"]).removeprefix(feed_key()),
        name=row["name"],
        project_id=int(row["project_id"]) if row["project_id"] else None,
        hash=row["hash"],
        created_at=datetime.fromisoformat(row["created_at"]),
        created_by=row["created_by"],
    )
