"""Exports: the work of the task, and what the API shows of it.

The blob is committed when all of its bytes are there, so a file is whole or not there. An attempt
that was killed before leaves nothing; one that was killed later leaves the file, which the next
attempt recognises by its bytes. Whoever is to be told is told once for each occurrence.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from shared.backups.scratch import scratch_folder
from shared.clock import Clock
from shared.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from shared.exports import period
from shared.exports.data import SPECS
from shared.exports.files import Files
from shared.exports.formats import Writer, writer
from shared.exports.kinds import Data, Row
from shared.exports.model import ExportFile, export_id, folder
from shared.exports.params import ExportParams
from shared.exports.reading import Reader, Wanted
from shared.exports.report import Head, Options, Report
from shared.exports.safe import instant, text
from shared.log import Event, event
from shared.notifications.port import NotificationService
from shared.schedules.model import Schedule
from shared.storage.blobs import room
from shared.storage.blobs.upload import Staged, stage
from shared.storage.tables.schedules import ScheduleTable
from shared.tasks import JobContext

_logger = logging.getLogger("belfry.exports")

MOST = 5_000_000
"""Rows that one export reads at most."""
MOST_FILES = 5_000
"""Files that a project keeps at most."""
_TOLD = 10_000
"""Rows after which progress is said."""
_FIGURES = 12
"""Key figures of a mail."""

Readers = Mapping[Data, Callable[[], Reader]]
"""What reads each kind of rows; made when it is first used. What is missing cannot be exported."""


class Exports:
    """The exports (`port.ExportService`). Every method raises `Unavailable` or `Refused` if storage
    fails."""

    def __init__(
        self,
        files: Files,
        table: ScheduleTable,
        readers: Readers,
        notifications: Callable[[], NotificationService],
        clock: Clock,
    ) -> None:
        self.files = files
        self._table = table
        self._readers = readers
        self._notifications = notifications
        self._clock = clock

    def hold(self, params: ExportParams) -> None:
        """As the port says."""
        writer(params.format)
        if params.about not in self._readers:
            raise Invalid("data", f"nothing here can say {params.about}; use another")

    def export(self, params: ExportParams, job: JobContext) -> Mapping[str, object]:
        """As the port says."""
        self.hold(params)
        removed, left = self._made_room(job)
        schedule = self._table.get(job.schedule_id)
        report = self._report(params, job, schedule)
        job.log("export begins", data=params.about.value, period=report.head.span.words)
        with scratch_folder(Path(tempfile.gettempdir())) as scratch:
            file = self._written(params, job, report, writer(params.format), scratch, left)
        figures = {one.name: one.value for one in report.figures()}
        mailed = self._mail(params, job, file, report) if params.email_to else 0
        job.log("export is there", file=file.blob, rows=file.row_count, bytes=file.bytes)
        return {
            "export_id": file.id,
            "file": file.file_name,
            "row_count": file.row_count,
            "bytes": file.bytes,
            "sha256": file.sha256,
            "period": report.head.span.words,
            "figures": {name: _plain(value) for name, value in figures.items()},
            "expires_at": instant(file.expires_at),
            "mailed": mailed,
            "removed": removed,
        }

    def forget(self, job: JobContext) -> int:
        """Remove the files of all projects whose time is over; how many. An export removes those of
        its own project; this is for projects that make none any more."""
        self.files.create()
        gone = 0
        for one in self.files.all_expired(job.clock.now(), job.check):
            job.check()
            self.files.remove(one)
            gone += 1
        return gone

    def find(self, project_id: int | None, named: str) -> ExportFile:
        """The project's file of that id, or the last one that the job of that id wrote. Raises
        `NotFound`, also if its time is over."""
        owner, dot, rest = named.partition(".")
        job_id = rest.rpartition(".")[0] if dot else named
        files = (
            self.files.of_job(project_id, job_id) if not dot or owner == folder(project_id) else []
        )
        now = self._clock.now()
        found = [one for one in files if (not dot or one.id == named) and one.expires_at > now]
        if not found:
            raise NotFound(f"the project has no export {named} (any more)")
        return found[-1]

    def link(self, file: ExportFile, lasts: timedelta) -> tuple[str, datetime]:
        """(a URL that reads the file, when it expires)."""
        return self.files.link(file, self._clock.now(), lasts)

    def _report(self, params: ExportParams, job: JobContext, schedule: Schedule | None) -> Report:
        timezone = "UTC" if schedule is None else schedule.definition.recurrence.timezone
        span = period.span(
            params.period, params.days, params.since, params.until, job.due_at, timezone
        )
        spec = SPECS[params.about]
        of = job.project_id
        head = Head(
            title=params.title or spec.title,
            data=params.about,
            report_type=params.extent,
            project="All projects" if of is None else f"Project {of}",
            schedule=job.schedule_id if schedule is None else schedule.definition.name,
            job_id=job.job_id,
            span=span,
            due_at=job.due_at,
        )
        wanted = Wanted(
            project_id=of,
            span=span,
            as_of=job.due_at,
            check=job.check,
            schedule_ids=frozenset(params.schedule_ids),
            tags=params.tags,
            status=frozenset(params.status),
            progress=lambda done, total: job.progress(0.9 * done, total),
        )
        rows = _bounded(self._readers[params.about]().rows(wanted), job)
        options = Options(
            delimiter=params.csv_delimiter,
            bom=params.csv_bom,
            formula_safe=params.csv_formula_safe,
        )
        return Report(head, spec, rows, columns=params.columns, options=options)

    def _written(
        self,
        params: ExportParams,
        job: JobContext,
        report: Report,
        format: Writer,
        scratch: Path,
        left: int,
    ) -> ExportFile:
        """The file of the occurrence: one that is there with the same bytes, else a new one. Raises
        `Refused` if it has more bytes than are left to the project."""
        before = self.files.of_job(job.project_id, job.job_id)
        number = 1 + max((int(one.id.rpartition(".")[2]) for one in before), default=0)
        id = export_id(job.project_id, job.job_id, number)
        name = f"{folder(job.project_id)}/{job.job_id}.{number}.{format.EXTENSION}"
        staged = stage(
            self.files.blob(name, job.check),
            _within(left, format.pieces(report, scratch)),
            job.check,
        )
        if (found := _of_bytes(before, staged)) is not None:
            return self.files.listed(found)
        _, left = self._made_room(job)  # others may have written meanwhile
        if staged.stored.bytes > left - sum(one.bytes for one in before):
            raise _full()
        head = report.head
        file = ExportFile(
            id=id,
            blob=name,
            project_id=job.project_id,
            schedule_id=job.schedule_id,
            schedule_name=head.schedule,
            job_id=job.job_id,
            title=head.title,
            data=head.data,
            format=params.format,
            report_type=head.report_type,
            due_at=job.due_at,
            since=head.span.since,
            until=head.span.until,
            row_count=report.written,
            bytes=staged.stored.bytes,
            sha256=staged.stored.sha256,
            expires_at=job.clock.now().replace(microsecond=0) + timedelta(days=params.keep_days),
        )
        try:
            staged.commit(file.metadata())
        except Conflict as error:  # two attempts at once, such as one that was thought dead
            there = self.files.of_job(job.project_id, job.job_id)
            if (found := _of_bytes(there, staged)) is not None:
                return self.files.listed(found)
            raise Unavailable("exports", f"another attempt wrote {name} meanwhile") from error
        event(
            _logger,
            Event.EXPORT_WRITTEN,
            schedule_id=job.schedule_id,
            job_id=job.job_id,
            export_id=id,
            bytes=file.bytes,
            rows=file.row_count,
        )
        return self.files.listed(file)

    def _mail(self, params: ExportParams, job: JobContext, file: ExportFile, report: Report) -> int:
        """Mail a link; how many mails were asked for."""
        link, until = self.link(file, timedelta(hours=params.link_hours))
        head = report.head
        figures = [(one.title, text(one.value)) for one in report.figures()[:_FIGURES]]
        asked = self._notifications().mail(
            key=f"export:{job.job_id}",
            kind="export_ready",
            to=params.email_to,
            project_id=job.project_id,
            data={
                "title": head.title,
                "schedule": head.schedule,
                "period": head.span.words,
                "file": file.file_name,
                "row_count": file.row_count,
                "bytes": file.bytes,
                "figures": figures,
                "link": link,
                "link_ends_at": instant(until),
                "timezone": head.span.timezone,
            },
        )
        return len(asked)

    def _made_room(self, job: JobContext) -> tuple[int, int]:
        """Remove the project's files whose time is over; (how many, how many bytes there may be
        beside the files of other jobs). Raises `Refused` if there are as many of those as a project
        may have."""
        self.files.create()
        removed, kept, now = 0, 0, job.clock.now()
        left = room.MOST_BYTES
        for one in self.files.of_project(job.project_id, job.check):
            if one.expires_at <= now:
                job.check()
                self.files.remove(one)
                removed += 1
            elif one.job_id != job.job_id:
                kept, left = kept + 1, left - one.bytes
        if kept >= MOST_FILES:
            text = f"the project has {kept:,} files; delete some, or let `keep_days` be fewer"
            raise Refused("exports", text)
        return removed, left


def _within(left: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces. Raises `Refused` if they have more bytes than are left."""
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise _full()
        yield piece


def _full() -> Refused:
    return room.full(
        "exports",
        "delete some (DELETE /api/v1/exports/{id}), let `keep_days` be fewer, or ask for a shorter "
        "period",
    )


def _of_bytes(files: Iterable[ExportFile], staged: Staged) -> ExportFile | None:
    """The one of them that has these bytes."""
    return next((one for one in files if one.sha256 == staged.stored.sha256), None)


def _bounded(rows: Iterable[Row], job: JobContext) -> Iterator[Row]:
    """The rows. Raises `Refused` if there are too many."""
    for number, row in enumerate(rows, start=1):
        if number > MOST:
            raise Refused("exports", f"more than {MOST:,} rows; ask for a shorter period")
        if number % _TOLD == 0:
            job.check()
        yield row


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value
