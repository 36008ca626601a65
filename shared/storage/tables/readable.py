"""Reads rows, even if some cannot be read: a damaged row must not stop the others.

A schedule that cannot be read is logged and left out of lists; a request for it alone raises
`Damaged`. A job whose row cannot be read has ended nevertheless: it must not run again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shared.errors import Damaged, Invalid
from shared.log import Event, event
from shared.schedules.job import Job, Status, parse_id
from shared.schedules.model import Schedule
from shared.storage.tables import entities, trouble

_logger = logging.getLogger("belfry.storage")

_GARBLED = (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)


def to_schedule(row: Mapping[str, Any]) -> Schedule:
    """The schedule. Raises `Damaged`."""
    try:
        return entities.to_schedule(row, row["etag"])
    except _GARBLED as error:
        schedule_id = str(row["RowKey"]).removeprefix("schedule:")
        raise Damaged(
            f"the row of schedule {schedule_id} cannot be read ({error!r:.200}); repair it, or "
            "delete the schedule"
        ) from error


def to_trouble(row: Mapping[str, Any]) -> trouble.Trouble | None:
    """The note for the alerts; None if it cannot be read, which is logged."""
    try:
        return trouble.read(row)
    except _GARBLED as error:
        event(
            _logger,
            Event.ALERT_UNREADABLE,
            level=logging.ERROR,
            error=f"the note {row['RowKey']} cannot be read ({error!r:.200})",
        )
        return None


def checked(
    user: Mapping[str, Any], engine: Mapping[str, Any], schedule: Schedule
) -> Mapping[str, Any]:
    """The user's properties, if they can be stored and read again. Raises `Invalid`."""
    row = {**user, **engine, "RowKey": entities.schedule_key(schedule.id)}
    try:
        json.dumps(row, ensure_ascii=False).encode()
        entities.to_schedule(row, schedule.etag)
    except _GARBLED as error:
        raise Invalid("schedule", f"it cannot be stored so that it can be read: {error}") from error
    return user


def schedules(rows: Iterable[Mapping[str, Any]]) -> Iterator[Schedule]:
    """The schedules that can be read; the others are logged."""
    for row in rows:
        try:
            yield to_schedule(row)
        except Damaged as error:
            tell(str(row["RowKey"]).removeprefix("schedule:"), error)


def tell(schedule_id: str, error: Damaged) -> None:
    """Log that a schedule's row cannot be read."""
    event(
        _logger,
        Event.SCHEDULE_BROKEN,
        level=logging.ERROR,
        schedule_id=schedule_id,
        error=str(error),
    )


def to_job(row: Mapping[str, Any]) -> Job:
    """The ended job. If its row cannot be read, it counts as failed, with an error that says so."""
    try:
        return entities.to_job(row)
    except _GARBLED as error:
        job_id = str(row["RowKey"]).rpartition(":")[2]
        schedule_id, due_at = parse_id(job_id)
        return Job(
            id=job_id,
            schedule_id=schedule_id,
            schedule_name="",
            project_id=None,
            task_type="",
            status=Status.FAILED,
            due_at=due_at,
            error=f"its row cannot be read: {error!r:.200}",
            reason="damaged",
        )
