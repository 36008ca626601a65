"""Which backup a request means, and which copy of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from fastapi import Path
from pydantic import AfterValidator
from starlette.convertors import Convertor, register_url_convertor

from shared.api.backup_schemas import state_of
from shared.api.plan_checks import destination_is_known
from shared.app import App
from shared.errors import Conflict, Invalid, Unavailable

if TYPE_CHECKING:
    from shared.backups.store.catalog import Found
    from shared.backups.store.entries import Backup, Copy


_ID = "^([0-9a-f]{8}|[0-9a-f]{32})$"
ID = "/{backup_id:backup_id}"
"""Its place in a path."""


class _Place(Convertor[str]):
    """Whatever is no path of its own: `DELETE /backups/plans` is of no backup."""

    regex = "(?!(?:plans|retention|sources)(?:/|$))[^/]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("backup_id", _Place())


def _id(text: str) -> str:
    if not re.match(_ID, text):
        raise ValueError("give the 32 hex digits of a backup's id, or the first 8 of them")
    return text


BackupId = Annotated[str, Path(json_schema_extra={"pattern": _ID}), AfterValidator(_id)]


def found_by_id(found: Found, backup_id: str) -> Backup:
    """The backup of that id, or of the first digits of it that blobs' names show.

    Raises `NotFound`, `Unavailable`; `Invalid` if several begin so.
    """
    fitting = [one for one in found.backups if one.id.startswith(backup_id)]
    if len(fitting) > 1:
        ids = ", ".join(one.id for one in fitting)
        raise Invalid("backup_id", f"several begin so; give all 32 hex digits ({ids})")
    return found.find(fitting[0].id if fitting else backup_id)


def chosen(
    belfry: App, backup_id: str, destination: str | None, *, proved: bool = True
) -> tuple[Backup, Copy | None]:
    """The backup, and its copy at the destination if one is named.

    Raises `NotFound`, `Invalid` for a destination that there is not, and, if `proved`, `Conflict`
    for a backup that is not verified while no destination is named.
    """
    destination_is_known(belfry, destination)
    found = belfry.backups().look()
    backup = found_by_id(found, backup_id)
    if destination is None:
        if proved and not backup.verified:
            there = ", ".join(copy.destination for copy in backup.copies)
            raise Conflict(
                f"backup {backup_id} is {state_of(backup)}, so not to be relied upon; verify it, "
                f"or name the destination whose copy to take all the same ({there})"
            )
        return backup, None
    for copy in backup.copies:
        if copy.destination == destination:
            return backup, copy
    if destination in found.away:
        raise Unavailable("backup destinations", f"{destination}: {found.away[destination]}")
    there = ", ".join(copy.destination for copy in backup.copies)
    raise Conflict(f"backup {backup_id} has no copy at {destination}; it has at {there}")
