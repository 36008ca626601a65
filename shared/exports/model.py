"""A file that an export wrote, and how it is written down. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, unquote

from shared.exports.formats import about
from shared.exports.kinds import Data, Format, ReportType
from shared.exports.safe import instant
from shared.schedules.job import parse_id
from shared.storage.blobs.container import Item

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


def to_file(item: Item) -> ExportFile:
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
