"""The finances as a service: what tasks (`FinanceService`) and the API ask for, in one place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from shared.alerts.port import AlertService
from shared.billing.port import BillingService
from shared.data import schema
from shared.finance import cost, spend, usage
from shared.finance.limit import Limit
from shared.finance.reports import Reports
from shared.finance.usage import Usage
from shared.notifications.port import NotificationService
from shared.settings import Settings
from shared.storage.connect import Connection
from shared.storage.names import Names
from shared.tasks import JobContext, Result


class Finance:
    """The service, bound to the database and the container of the reports."""

    def __init__(
        self, settings: Settings, connection: Connection, alerts: Callable[[], AlertService]
    ) -> None:
        self._alerts = alerts
        self._url = settings.database_url
        self._limit = Limit(settings.daily_spend_limit_minor, settings.spend_currency)
        self.reports = Reports(lambda: connection.container(Names(settings.prefix).reports))

    def close_days(self, job: JobContext) -> Result:
        """Close the days of usage that are over (`usage`)."""
        schema.check(self._url)
        return usage.close(self._url, self._alerts, job)

    def report_costs(self, job: JobContext, notifications: NotificationService) -> Result:
        """Report the costs of the day before (`cost`)."""
        schema.check(self._url)
        return cost.tell(self._url, self.reports, notifications, job)

    def guard_spend(self, job: JobContext, alerts: AlertService, billing: BillingService) -> Result:
        """Hold the day's spend against its limit (`spend`)."""
        schema.check(self._url)
        return spend.guard(self._url, self._limit, alerts, billing, job)

    def usage(
        self, tenant: int, since: date | None, until: date | None, page: int, size: int
    ) -> tuple[list[Usage], int]:
        """(One page of a tenant's counters, how many there are). Raises `NotFound`."""
        return usage.found(self._url, tenant, since, until, page, size)
