"""What tasks may ask of the archive: only types (`service` implements them)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from shared.tasks import JobContext


class ArchiveService(Protocol):
    """The archive of jobs."""

    def archive(self, job: JobContext) -> Mapping[str, object]:
        """Move the jobs that ended more than JOB_RETENTION_DAYS before `job.due_at` into files; the
        task's result. A dry run says how many there are. Raises `Skipped` if jobs are kept for
        good."""
