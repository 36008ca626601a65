"""The files of exports: blobs whose names hold project and occurrence, and whose metadata say what
is in them. Beside them there are only the rows that list them (`shelf`).

    7/mondays-20261130T060000Z.1.pdf        project 7, first file of that occurrence
    all/mondays-20261130T060000Z.2.csv      of a schedule without a project, second file

A file is never written twice. An attempt that comes to other bytes than the ones before (since
something was changed or removed meanwhile) writes the next number.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from shared.access import Caller
from shared.errors import NotFound
from shared.exports.formats import about
from shared.exports.model import ExportFile, folder, project_of, to_file
from shared.exports.shelf import Asked, Shelf
from shared.log import Event, event
from shared.storage.blobs.container import Blob, Container
from shared.storage.blobs.links import Saved, links

_logger = logging.getLogger("belfry.exports")


class Files:
    """The files. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, container: Container, shelf: Shelf, account: str) -> None:
        """`account`: the name of the storage account, by which links are signed."""
        self._container = container
        self._shelf = shelf
        self._account = account

    def create(self) -> None:
        """Make the container, if it is missing."""
        self._container.create()

    def of_job(self, project_id: int | None, job_id: str) -> list[ExportFile]:
        """What attempts of that job wrote, in the order of their numbers."""
        found = self._items(f"{folder(project_id)}/{job_id}.")
        return sorted(found, key=lambda one: int(one.id.rpartition(".")[2]))

    def blob(self, name: str, check: Callable[[], None]) -> Blob:
        """The blob of a new file."""
        return self._container.blob(name, check)

    def page(
        self, caller: Caller, project_id: int | None, asked: Asked, page: int, size: int
    ) -> tuple[list[ExportFile], int]:
        """(a page of what the caller sees, or of one project of that, due last first; how many
        there are)."""
        return self._shelf.page(caller.among(project_id), asked, (page - 1) * size, size)

    def listed(self, file: ExportFile) -> ExportFile:
        """The file, which lists show from now on."""
        self._shelf.add(file)
        return file

    def get(self, caller: Caller, export_id: str) -> ExportFile:
        """One file. Raises `NotFound`, also if the caller does not see it."""
        caller.hold(project_of(export_id), f"export {export_id}")
        project, _, rest = export_id.partition(".")
        found = next(iter(self._items(f"{project}/{rest}.")), None)
        if found is None:
            raise NotFound(f"there is no export {export_id}")
        return found

    def link(self, file: ExportFile, now: datetime, lasts: timedelta) -> tuple[str, datetime]:
        """(a URL that reads the file, when it expires)."""
        saved = Saved(file.file_name, about(file.format)[1])
        blob = self._container.blob(file.blob)
        (url,), until = links([blob], self._account, now, lasts, saved_as=saved)
        event(
            _logger,
            Event.EXPORT_LINKED,
            schedule_id=file.schedule_id,
            export_id=file.id,
            expires_at=until,
        )
        return url, until

    def remove(self, file: ExportFile) -> None:
        """Remove it; harmless if it is gone."""
        self._shelf.remove(file)
        self._container.delete(file.blob)

    def of_project(self, project_id: int | None, check: Callable[[], None]) -> Iterator[ExportFile]:
        """The project's files."""
        return self._items(f"{folder(project_id)}/", check)

    def all_expired(self, now: datetime, check: Callable[[], None]) -> Iterator[ExportFile]:
        """The files of all projects whose time is over."""
        return (one for one in self._items("", check) if one.expires_at <= now)

    def _items(
        self, beginning: str, check: Callable[[], None] = lambda: None
    ) -> Iterator[ExportFile]:
        for item in self._container.items(check, beginning):
            try:
                yield to_file(item)
            except (LookupError, ValueError, NotFound) as error:
                said = f"{item.name}: {error!r:.200}"
                event(_logger, Event.EXPORT_UNREADABLE, level=logging.WARNING, error=said)
