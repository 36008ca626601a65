"""What tasks and the API may ask of the deliveries. Only types."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.access import Caller
from shared.webhooks.body import Wanted
from shared.webhooks.model import Delivery, DeliveryStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Which deliveries of a webhook a list shows."""

    status: DeliveryStatus | None = None
    since: datetime | None = None
    """When they were due."""
    until: datetime | None = None


class Spend(Protocol):
    """The budgets (`shared.spending.meter`), for what is sent outside of a project's jobs."""

    def refusal(self, schedule_id: str, project_id: int | None) -> str | None:
        """Why nothing should be sent that a person asks for; None if no budget is used up."""

    def moved(self, schedule_id: str, project_id: int | None, count: int) -> None:
        """Count bytes that were sent and received. Raises nothing."""


class WebhookService(Protocol):
    """Delivers to webhooks (`service`). Each raises `Unavailable` or `Refused` if storage fails."""

    def host(self, webhook_id: str, project_id: int | None) -> str:
        """Where it delivers to, as people may see it. Raises `NotFound`."""

    def deliver(self, wanted: Wanted, stop: threading.Event) -> Delivery:
        """Store a delivery, try it once or twice, and return it as it is then; what has not
        arrived is tried further by `flush`. Asked again for the same occurrence and job, it goes
        on; for another job, it begins anew, with the same id. Raises `NotFound`, and `Refused` if
        the webhook is disabled or too much waits for it."""

    def flush(self, *, longest: timedelta, stop: threading.Event) -> Mapping[DeliveryStatus, int]:
        """Try what is due, for so long at most; how many stand how now. Raises what kept some
        of it from being tried, after the others."""

    def forget(self, *, stop: threading.Event) -> int:
        """Remove deliveries that ended long ago; how many."""

    def page(
        self, webhook_id: str, project_id: int | None, asked: Asked, page: int, size: int
    ) -> tuple[list[Delivery], int]:
        """(One page of a webhook's deliveries, newest first; how many there are.)"""

    def get(self, webhook_id: str, project_id: int | None, delivery_id: str) -> Delivery:
        """One delivery. Raises `NotFound`."""

    def redeliver(
        self, by: Caller, webhook_id: str, project_id: int | None, delivery_id: str
    ) -> Delivery:
        """Begin a new series of attempts, within a minute. Raises `NotFound`; `Conflict` if the
        webhook is disabled or a budget is used up; `TooMany` (`by_hand`); `Refused` if too much
        waits for it."""

    def redeliver_all(
        self, by: Caller, webhook_id: str, project_id: int | None, asked: Asked
    ) -> int:
        """The same for those that fit, as many as there may be; how many."""

    def test(self, by: Caller, webhook_id: str, project_id: int | None) -> Delivery:
        """Send one test now, even if the webhook is disabled. Raises as `redeliver`."""
