"""What tasks, and exports, ask of the analysis. Only types, so a task that declares the service
imports nothing else of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Protocol

from shared.analysis.model import AnalysisKind, Finding
from shared.tasks import JobContext


class AnalysisService(Protocol):
    """Analyses repositories, and keeps what it found."""

    def hold(self, url: str) -> None:
        """Raise `Invalid` naming `repository_id`, unless repositories may be fetched from there."""

    def run(
        self,
        job: JobContext,
        *,
        repository_id: str,
        kind: AnalysisKind,
        branch: str = "",
        dependencies: bool = True,
        max_files: int | None = None,
        max_bytes: int | None = None,
    ) -> Mapping[str, object]:
        """Analyse a repository of the job's project; the task's result. A second attempt that finds
        the first one's result returns it. Raises `NotFound`, `Refused`, `Unavailable`."""

    def findings(
        self, project_id: int | None, since: datetime | None, until: datetime | None
    ) -> Iterator[Finding]:
        """What the last analysis in that span found, of each repository, branch and kind of a
        project (None: the company's own); those that are gone included. One after another: in
        memory is one line. Raises `Unavailable` or `Refused` if storage fails."""

    def vulnerability_update(self, job: JobContext) -> Mapping[str, object]:
        """Fetch OSV's database of vulnerabilities anew, and sweep what was left over; the task's
        result."""
