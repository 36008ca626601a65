"""What the task asks of the weekly report, and what the report asks of the parts that it is about.
Only types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.alerts.port import AlertService
from shared.notifications.port import NotificationService
from shared.tasks import JobContext, Result
from shared.weekly.figures import Values
from shared.weekly.week import Week

ATTEMPTS = 4
"""Of the task. In the last one, a section that fails is left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a section says."""

    weeks: Mapping[Week, Values]
    """The figures of the report's week, and of those of the weeks before that can still be
    counted; for the others, their own reports are read."""
    note: str | None = None
    """What is to be known of them, or why there are none."""


class Section(Protocol):
    """A part of the report; its name is one of `figures.SECTIONS`."""

    name: str

    def say(self, weeks: Sequence[Week], check: Callable[[], None]) -> Said:
        """The figures of these weeks, the last of which is the report's. Raises a `BelfryError` if
        it cannot say them."""


class ApprovalFigures(Protocol):
    """What the report asks of the approvals."""

    def week(self, since: datetime, until: datetime) -> Mapping[str, int | float | None]:
        """Of the approvals asked for in that time: `asked`, `approved`, `rejected`, `expired`, and
        `median_wait_seconds` (None: nothing was decided)."""


class WorkflowFigures(Protocol):
    """What the report asks of the workflows."""

    def week(self, since: datetime, until: datetime) -> Mapping[str, int]:
        """Of the runs of that time: `started`, and of those that ended then: `ended`, `failed`."""


class WeeklyService(Protocol):
    """The weekly report (`service`)."""

    def report(
        self, job: JobContext, notifications: NotificationService, alerts: AlertService
    ) -> Result:
        """Report the last week that was over at the job's due time, once. Raises `Unavailable`,
        `Misconfigured` or `Refused` if storage fails, or, but in the last attempt, a section."""
