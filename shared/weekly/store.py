"""The reports that are kept, beside those of costs: for each week a blob of each format.

weekly/2026-W48.json     what was found; whoever writes it first decides
weekly/2026-W48.md       and .html, .pdf: made of that one, so another attempt has the same bytes
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.errors import Conflict, Damaged, Invalid, NotFound
from shared.storage.blobs import stream
from shared.storage.blobs.container import Container, Opening
from shared.storage.blobs.links import Saved, links
from shared.weekly.formats import ReportFormat, written
from shared.weekly.model import WeeklyReport
from shared.weekly.week import Week

_FOLDER = "weekly/"
RENDERED = (ReportFormat.MARKDOWN, ReportFormat.HTML, ReportFormat.PDF)


def name_of(week: Week, format: ReportFormat) -> str:
    """The blob of a week's report."""
    return f"{_FOLDER}{week.name}.{format}"


class Store:
    """The container. Each method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, container: Opening, account: str) -> None:
        """`account`: the name of the storage account, by which links are signed."""
        self._container = Container(container)
        self._account = account

    def weeks(self) -> list[Week]:
        """The weeks that have a report, the newest first."""
        end = f".{ReportFormat.JSON}"
        found = (one for one in self._container.names(_FOLDER) if one.endswith(end))
        texts = (one.removeprefix(_FOLDER).removesuffix(end) for one in found)
        return sorted((week for text in texts if (week := _week(text))), reverse=True)

    def find(self, week: Week) -> WeeklyReport | None:
        """A week's report, if there is one. Raises `Damaged` if it cannot be read."""
        name = name_of(week, ReportFormat.JSON)
        if name not in self._container.names(name):
            return None
        try:
            return WeeklyReport.model_validate_json(stream.text(self._container.blob(name)))
        except ValueError as error:
            raise Damaged(f"{name} is no weekly report: {error}") from error

    def get(self, week: Week) -> WeeklyReport:
        """The same. Raises `NotFound`."""
        found = self.find(week)
        if found is None:
            raise NotFound(f"there is no weekly report of {week.name}")
        return found

    def keep(self, week: Week, report: WeeklyReport) -> WeeklyReport:
        """Keep what was found, unless the week has a report; the week's report."""
        self._container.create()
        try:
            self._write(week, ReportFormat.JSON, report)
        except Conflict:  # another attempt was first, and read other sums
            return self.get(week)
        return report

    def render(self, week: Week, report: WeeklyReport) -> None:
        """Write its files. One that is there stays: a version of Belfry that writes it otherwise
        does not change what people were sent."""
        for format in RENDERED:
            try:
                self._write(week, format, report)
            except Conflict:
                continue

    def file(self, week: Week, format: ReportFormat) -> bytes:
        """A file of the week. Raises `NotFound`; one that was not written yet is made."""
        name = name_of(week, format)
        if name in self._container.names(name):
            return stream.text(self._container.blob(name))
        return written(self.get(week), format)

    def link(self, week: Week, now: datetime, lasts: timedelta) -> tuple[str, datetime]:
        """(a URL that reads the PDF, when it expires)."""
        blob = self._container.blob(name_of(week, ReportFormat.PDF))
        saved = Saved(file_name(week, ReportFormat.PDF), ReportFormat.PDF.content_type)
        (url,), until = links([blob], self._account, now, lasts, saved_as=saved)
        return url, until

    def _write(self, week: Week, format: ReportFormat, report: WeeklyReport) -> None:
        stream.write_once(
            self._container.blob(name_of(week, format)),
            written(report, format),
            {"week": week.name},
            content_type=format.content_type,
        )


def file_name(week: Week, format: ReportFormat) -> str:
    """What a file is called where it is saved."""
    return f"weekly-report-{week.name}.{format}"


def _week(text: str) -> Week | None:
    """The week of a blob's name; None of a blob that is not ours."""
    try:
        return Week.parse(text)
    except Invalid:
        return None
