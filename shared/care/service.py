"""The pet-care service: what its tasks ask for (`port.PetCare`)."""

from __future__ import annotations

from collections.abc import Callable

from shared.alerts.port import AlertService
from shared.billing.port import BillingService
from shared.care import no_shows, reminders, reputation, vaccinations
from shared.care.requests import Requests
from shared.care.reviews import VACCINATION
from shared.care.rules.reminders import DAY_AHEAD, HOURS_AHEAD, Lead
from shared.data import schema
from shared.errors import Misconfigured
from shared.notifications.port import NotificationService
from shared.recurrence import zone
from shared.settings import Settings
from shared.tasks import JobContext, Result

REPUTATIONS = "reputation_updater"
"""The task in whose zone weeks end."""


class Care:
    """Does the work of the pet-care tasks."""

    def __init__(
        self,
        settings: Settings,
        notifications: Callable[[], NotificationService],
        billing: Callable[[], BillingService],
        alerts: Callable[[], AlertService],
    ) -> None:
        """Each of the other services is made when a task first needs it."""
        self._settings = settings
        self._notifications = notifications
        self._billing = billing
        self._alerts = alerts
        self._fits = False

    def remind_24h(self, job: JobContext) -> Result:
        return self._remind(job, DAY_AHEAD)

    def remind_2h(self, job: JobContext) -> Result:
        return self._remind(job, HOURS_AHEAD)

    def check_vaccinations(self, job: JobContext) -> Result:
        self._check()
        thresholds = self._settings.care.vaccination_thresholds
        url = self._settings.database_url
        return vaccinations.check(url, self._alerts, self._requests(), job, thresholds, VACCINATION)

    def detect_no_shows(self, job: JobContext) -> Result:
        self._check()
        url = self._settings.database_url
        return no_shows.detect(url, self._alerts, self._billing, job, self._settings.care)

    def update_reputations(self, job: JobContext) -> Result:
        self._check()
        local = zone.find(self._settings.local_zone(REPUTATIONS))
        return reputation.update(
            self._settings.database_url, self._alerts, job, self._settings.care, local
        )

    def _remind(self, job: JobContext, lead: Lead) -> Result:
        self._check()
        return reminders.remind(
            self._settings.database_url, self._alerts, self._requests(), job, lead
        )

    def _requests(self) -> Requests:
        return Requests(self._settings.database_url, self._notifications())

    def _check(self) -> None:
        """Raise `Misconfigured` unless the database fits. Once it did, it is not asked again."""
        if not self._settings.database_url:
            raise Misconfigured(
                "DATABASE_URL is not set; it says which database is the company's, on which the "
                "pet-care tasks work"
            )
        if not self._fits:
            schema.check(self._settings.database_url)
            self._fits = True
