"""Figures of approvals: of a week for the report, and of what waits now for the health summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from shared.approvals.model import ApprovalStatus
from shared.approvals.store import Store

_DECIDED = (ApprovalStatus.APPROVED, ApprovalStatus.REJECTED)


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures (`weekly.port.ApprovalFigures`), of all projects. Numbers cost a few requests,
    however many approvals there are; the median reads those that were decided. Every method raises
    `Unavailable` or `Refused` if storage fails."""

    store: Store

    def week(self, since: datetime, until: datetime) -> Mapping[str, int | float | None]:
        """As the port says. One that was approved and then superseded is only asked for."""
        waits = [
            (one.decided_at - one.requested_at).total_seconds()
            for status in _DECIDED
            for one in self.store.asked(status, since, until)
            if one.decided_at is not None
        ]
        return {
            "asked": self.store.count(None, since, until),
            "approved": self.store.count(ApprovalStatus.APPROVED, since, until),
            "rejected": self.store.count(ApprovalStatus.REJECTED, since, until),
            "expired": self.store.count(ApprovalStatus.EXPIRED, since, until),
            "median_wait_seconds": median(waits) if waits else None,
        }

    def waiting(self) -> tuple[int, datetime | None]:
        """(how many wait for a person, since when the oldest does)."""
        return self.store.waiting()
