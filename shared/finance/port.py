"""What tasks may ask of the finances. Only types."""

from __future__ import annotations

from typing import Protocol

from shared.alerts.port import AlertService
from shared.billing.port import BillingService
from shared.notifications.port import NotificationService
from shared.tasks import JobContext, Result


class FinanceService(Protocol):
    """What the company uses, spends and earns (`service`). Every method raises `Unavailable` or
    `Misconfigured` if the company's database fails, or does not fit this version of Belfry."""

    def close_days(self, job: JobContext) -> Result:
        """Close the days of usage that are over at the job's due time."""

    def report_costs(self, job: JobContext, notifications: NotificationService) -> Result:
        """Report the costs of the day before the job's due time, once. Raises `Unavailable` or
        `Refused` as well if storage fails."""

    def guard_spend(self, job: JobContext, alerts: AlertService, billing: BillingService) -> Result:
        """Hold the day's spend against its limit. Raises `Unavailable` as well if people could not
        be alerted, or billing not be paused altogether: it must be tried again."""
