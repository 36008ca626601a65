"""The reports that are kept: a blob for each day, written once.

Whoever reports a day first decides what its report says; a later run of the same day reads it.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from shared.errors import Conflict, Damaged, NotFound
from shared.storage.blobs import stream
from shared.storage.blobs.container import Container, Opening

if TYPE_CHECKING:
    from shared.notifications.kinds.cost_report import CostReport

_FOLDER = "cost/"
_END = ".json"


def name_of(day: date) -> str:
    """The blob of a day's cost report."""
    return f"{_FOLDER}{day.isoformat()}{_END}"


class Reports:
    """The container of the reports. Each method raises `Unavailable` or `Refused` if it fails."""

    def __init__(self, container: Opening) -> None:
        self._container = Container(container)

    def days(self) -> list[date]:
        """The days of all cost reports, the newest first."""
        found = self._container.names(_FOLDER)
        texts = [name.removeprefix(_FOLDER).removesuffix(_END) for name in found]
        return sorted((day for text in texts if (day := _day(text))), reverse=True)

    def find(self, day: date) -> CostReport | None:
        """The report of a day, if there is one. Raises `Damaged` if it cannot be read."""
        name = name_of(day)
        if name not in self._container.names(name):
            return None
        return _read(name, stream.text(self._container.blob(name)))

    def get(self, day: date) -> CostReport:
        """The same. Raises `NotFound`."""
        found = self.find(day)
        if found is None:
            raise NotFound(f"there is no cost report of {day}")
        return found

    def keep(self, report: CostReport) -> CostReport:
        """Keep the report, unless the day has one; the day's report."""
        self._container.create()
        blob = self._container.blob(name_of(report.day))
        text = report.model_dump_json(indent=2).encode()
        try:
            stream.write_once(blob, text, {"day": report.day.isoformat()})
        except Conflict:  # another run was first, and read other rows
            return self.get(report.day)
        return report


def _day(text: str) -> date | None:
    """The day of a blob's name; None of a blob that is not ours."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _read(name: str, text: bytes) -> CostReport:
    from shared.notifications.kinds.cost_report import CostReport

    try:
        return CostReport.model_validate_json(text)
    except ValueError as error:
        raise Damaged(f"{name} is no cost report: {error}") from error
