"""What the task, and the check of its parameters, ask of the exports. Only types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from shared.exports.params import ExportParams
from shared.tasks import JobContext, Proposed


class ExportService(Protocol):
    """Writes what Belfry knows of a project into files."""

    def export(self, params: ExportParams, job: JobContext) -> Mapping[str, object]:
        """Write the file of the job's occurrence, and mail a link to it; the task's result. A
        second attempt that comes to the same bytes finds the first one's file. Raises `Invalid`,
        `Refused`, `Unavailable`."""

    def hold(self, params: ExportParams) -> None:
        """Raise `Invalid` naming the parameter, if a format is not installed or nothing can say the
        data."""


def export_fits(params: ExportParams, proposed: Proposed, exports: ExportService) -> None:
    """Check what its model cannot: what is installed."""
    if proposed.new:
        exports.hold(params)
