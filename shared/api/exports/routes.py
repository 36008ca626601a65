"""`/api/v1/exports`: the files that the task `export` wrote (C12)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field

from shared.api.backups.orders import WEEK
from shared.api.deps import Asking, Provided
from shared.api.fields import Input, Whole, formed
from shared.api.lists import PAGE_SIZE, Page, Paged, PageSize, Since, Until, counts, span
from shared.api.query import Number, ScheduleId
from shared.api.shown import Shown
from shared.audit.port import Action, Subject
from shared.exports.kinds import Data, Format, ReportType
from shared.exports.model import ID, ExportFile
from shared.exports.shelf import Asked

router = APIRouter(prefix="/api/v1/exports", tags=["exports"])

ExportId = Annotated[
    str,
    Path(json_schema_extra={"pattern": f"^{ID}$"}),
    formed(ID, "it is no id of an export; GET /api/v1/exports lists them"),
]


class ExportOut(Shown):
    """A file that a run of `export` wrote."""

    id: str
    project_id: int | None
    """Whose rows it has; null: of all projects."""
    schedule_id: str
    schedule_name: str
    """As it was then."""
    job_id: str
    title: str
    data: Data
    format: Format
    report_type: ReportType
    due_at: datetime
    """When the run was due: what the file calls now."""
    since: datetime
    """Its span begins here,"""
    until: datetime
    """and ends before this."""
    file_name: str
    row_count: int
    bytes: int
    sha256: str
    expires_at: datetime
    """When it is removed."""


class ExportList(Paged):
    exports: list[ExportOut]


class NewExportLink(Input):
    """A request for a link."""

    minutes: Whole = Field(default=60, ge=1, le=WEEK)
    """How long it works."""


class ExportLink(Shown):
    """A link that needs no key."""

    title: str
    url: str
    expires_at: datetime
    file_name: str
    bytes: int
    sha256: str


@router.get("")
def list_exports(
    app: Provided,
    by: Asking,
    project_id: Number | None = None,
    schedule_id: ScheduleId | None = None,
    format: Format | None = None,
    data: Data | None = None,
    since: Since = None,
    until: Until = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> ExportList:
    """The files that fit every filter given, those due last first. `from` and `to` limit when their
    runs were due."""
    first, end = span(since, until)
    asked = Asked(schedule_id=schedule_id, format=format, data=data, since=first, until=end)
    found, total = app().exports().files.page(by, project_id, asked, page, page_size)
    return ExportList(
        exports=[ExportOut.model_validate(one) for one in found], **counts(total, page, page_size)
    )


@router.get("/{export_id}")
def read_export(app: Provided, by: Asking, export_id: ExportId) -> ExportOut:
    """What is known of one file."""
    return ExportOut.model_validate(app().exports().files.get(by, export_id))


@router.post("/{export_id}/link")
def link_export(
    app: Provided, by: Asking, export_id: ExportId, request: NewExportLink | None = None
) -> ExportLink:
    """A link that downloads the file until it expires, without a key: hand it on with care."""
    belfry = app()
    exports = belfry.exports()
    file = exports.files.get(by, export_id)
    lasts = timedelta(minutes=(request or NewExportLink()).minutes)
    with belfry.audit.changing(by, Action.LINK, _subject(file)) as change:
        url, until = exports.link(file, lasts)
        change.after = {"expires_at": until}
    return ExportLink(
        title=file.title,
        url=url,
        expires_at=until,
        file_name=file.file_name,
        bytes=file.bytes,
        sha256=file.sha256,
    )


@router.delete("/{export_id}", status_code=204, response_class=Response)
def delete_export(app: Provided, by: Asking, export_id: ExportId) -> None:
    """Remove a file before its time: its links read nothing from now on."""
    belfry = app()
    files = belfry.exports().files
    file = files.get(by, export_id)
    before = {"file": file.file_name, "rows": file.row_count, "sha256": file.sha256}
    with belfry.audit.changing(by, Action.DELETE, _subject(file), before):
        files.remove(file)


def _subject(file: ExportFile) -> Subject:
    return Subject("export", file.id, file.project_id)
