"""What tasks may ask of the audit. Only types (`service` implements them)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from shared.tasks import JobContext


class AuditUpkeep(Protocol):
    """What tasks do for the audit. Each method returns the task's result, as a JSON object."""

    def upkeep(self, job: JobContext) -> Mapping[str, object]:
        """Move what is pending into the chain; once a day anchor the chain, and archive."""

    def watch(self, job: JobContext) -> Mapping[str, object]:
        """Verify the chain and its anchors; if something is wrong, open the alert `audit_broken`,
        and raise `Damaged`."""
