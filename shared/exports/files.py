"""The files of exports: blobs whose names hold project and occurrence, and whose metadata say what
is in them. There is nothing beside the blob, so a file and what is known of it cannot differ.

    7/mondays-20261130T060000Z.1.pdf        project 7, first file of that occurrence
    all/mondays-20261130T060000Z.2.csv      of a schedule without a project, second file

A file is never written twice. An attempt that comes to other bytes than the ones before (since
something was changed or removed meanwhile) writes the next number.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, unquote

from shared.access import Caller
from shared.errors import NotFound
from shared.exports.formats import about
from shared.exports.kinds import Data, Format, ReportType
from shared.exports.safe import instant
from shared.log import Event, event
from shared.schedules.job import parse_id
from shared.storage.blobs.container import Blob, Container, Item
from shared.storage.blobs.links import Saved, links

_logger = logging.getLogger("belfry.exports")

ALL = "all"
"""The folder of what belongs to no project."""
ID = r"(?:all|[0-9]{1,18})\.[a-z][a-z0-9_]{0,39}-[0-9]{8}T[0-9]{6}Z(?:-[a-z0-9]{1,40})?\.[0-9]{1,4}"
_NAME = re.compile(r"(?P<project>all|[0-9]{1,18})/(?P<rest>[a-z0-9_\-TZ]+\.[0-9]{1,4})\.[a-z]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportFile:
    """A file, and what is known of it."""

    id: str
    """`7.mondays-20261130T060000Z.1`"""
    blob: str
    project_id: int | None
    schedule_id: str
    schedule_name: str
    job_id: str
    title: str
    data: Data
    format: Format
    report_type: ReportType
    due_at: datetime
    since: datetime
    until: datetime
    row_count: int
    bytes: int
    sha256: str
    expires_at: datetime
    """When it is removed."""

    @property
    def file_name(self) -> str:
        """What it is called where it is saved: ASCII."""
        return f"{self.data}-{self.job_id}.{about(self.format)[0]}"

    def metadata(self) -> dict[str, str]:
        """As the blob has it. Its names are identifiers, its values are ASCII."""
        return {
            "schedule_name": quote(self.schedule_name[:200]),
            "title": quote(self.title[:200]),
            "data": self.data.value,
            "format": self.format.value,
            "report_type": self.report_type.value,
            "since": instant(self.since),
            "until": instant(self.until),
            "row_count": str(self.row_count),
            "sha256": self.sha256,
            "expires_at": instant(self.expires_at),
        }


def folder(project_id: int | None) -> str:
    """Where the files of a project are."""
    return ALL if project_id is None else str(project_id)


def export_id(project_id: int | None, job_id: str, number: int) -> str:
    return f"{folder(project_id)}.{job_id}.{number}"


def project_of(export_id: str) -> int | None:
    """The project that an id names; None: none."""
    name = export_id.partition(".")[0]
    return None if name == ALL else int(name)


class Files:
    """The files. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, container: Container, account: str) -> None:
        """`account`: the name of the storage account, by which links are signed."""
        self._container = container
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

    def seen(self, caller: Caller, project_id: int | None = None) -> list[ExportFile]:
        """All that the caller sees, or those of one project of them; due last first."""
        among = caller.among(project_id)
        places: Collection[str] = [""] if among is None else [f"{one}/" for one in sorted(among)]
        found = [one for place in places for one in self._items(place)]
        return sorted(found, key=lambda one: (one.due_at, one.id), reverse=True)

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
                yield _file(item)
            except (LookupError, ValueError, NotFound) as error:
                said = f"{item.name}: {error!r:.200}"
                event(_logger, Event.EXPORT_UNREADABLE, level=logging.WARNING, error=said)


def _file(item: Item) -> ExportFile:
    """Raises `LookupError`, `ValueError` or `NotFound` for a blob that is no export's."""
    match = _NAME.fullmatch(item.name)
    if match is None:
        raise ValueError("its name is not that of an export")
    said: Mapping[str, str] = item.metadata
    job_id = match["rest"].rpartition(".")[0]
    schedule_id, due_at = parse_id(job_id)
    project = match["project"]
    return ExportFile(
        id=f"{project}.{match['rest']}",
        blob=item.name,
        project_id=None if project == ALL else int(project),
        schedule_id=schedule_id,
        schedule_name=unquote(said["schedule_name"]),
        job_id=job_id,
        title=unquote(said["title"]),
        data=Data(said["data"]),
        format=Format(said["format"]),
        report_type=ReportType(said["report_type"]),
        due_at=due_at,
        since=datetime.fromisoformat(said["since"]),
        until=datetime.fromisoformat(said["until"]),
        row_count=int(said["row_count"]),
        bytes=item.size,
        sha256=said["sha256"],
        expires_at=datetime.fromisoformat(said["expires_at"]),
    )
