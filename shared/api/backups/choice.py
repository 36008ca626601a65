"""Which backup a request means, and which copy of it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from fastapi import Path
from pydantic import AfterValidator

from shared.access import Caller
from shared.api import scope
from shared.api.places import any_part
from shared.api.plans.checks import destination_is_known
from shared.app import App
from shared.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from shared.backups.store.catalog import Found
    from shared.backups.store.entries import Backup, Copy


_ID = "^([0-9a-f]{8}|[0-9a-f]{32})$"
ID = "/{backup_id:backup_id}"
"""Where a backup's id stands in a path."""


any_part("backup_id", "plans", "retention", "sources")  # `DELETE /backups/plans` means none


def _id(text: str) -> str:
    if not re.match(_ID, text):
        raise ValueError("give the 32 hex digits of a backup's id, or the first 8 of them")
    return text


BackupId = Annotated[str, Path(json_schema_extra={"pattern": _ID}), AfterValidator(_id)]


def found_for(belfry: App, by: Caller) -> Found:
    """The backups that a caller sees: those of plans of its projects, and of what is lost or cannot
    be read nothing, unless it sees all projects."""
    found = belfry.backups().look()
    if by.projects is None:
        return found
    theirs = scope.seen(belfry, by, found.backups, lambda one: one.summary.schedule_id)
    return replace(found, backups=theirs, strange=0, locked_at={}, lost=())


def chosen(
    belfry: App, by: Caller, backup_id: str, destination: str | None, *, proved: bool = True
) -> tuple[Backup, Copy | None]:
    """The backup, and its copy at the destination if one is named.

    Raises `NotFound`, `Invalid` for a destination that does not exist and, if `proved`, `Conflict`
    for a backup that is not verified while no destination is named.
    """
    destination_is_known(belfry, destination)
    found = found_for(belfry, by)
    backup = found.find(backup_id)
    there = ", ".join(copy.destination for copy in backup.copies)
    if destination is None:
        if proved and not backup.verified:
            raise Conflict(
                f"backup {backup_id} is {backup.state}, so not to be relied upon; verify it, "
                f"or name the destination whose copy to take all the same ({there})"
            )
        return backup, None
    for copy in backup.copies:
        if copy.destination == destination:
            return backup, copy
    if destination in found.away:
        raise Unavailable("backup destinations", f"{destination}: {found.away[destination]}")
    raise Conflict(f"backup {backup_id} has no copy at {destination}; it has at {there}")
