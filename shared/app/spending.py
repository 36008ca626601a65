"""Makes the budgets, and what follows when jobs have ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from shared.alerts.port import AlertKind, AlertService
from shared.app.stores import Stores
from shared.audit.port import Audit
from shared.clock import Clock
from shared.schedules.job import Job
from shared.settings import Settings
from shared.spending.known import Known
from shared.spending.meter import SpendMeter
from shared.spending.service import Spending
from shared.spending.store import Store
from shared.spending.telling import Telling


@dataclass(frozen=True, slots=True)
class Budgeting:
    """The budgets: for the engine, and for people once there is an audit."""

    meter: SpendMeter
    people: Callable[[Audit], Spending]


def budgeting(
    settings: Settings, at: Stores, alerts: Callable[[], AlertService], clock: Clock
) -> Budgeting:
    store, prices = Store(at.connection, at.names.spending), settings.prices
    known = Known(store.budgets, prices.currency, clock)

    def tell(about: str, text: str, key: str) -> None:
        alerts().happened(AlertKind.BUDGET_REACHED, about, text, key=key)

    def find(job_ids: Iterable[str]) -> Iterable[Job]:
        return at.ended.whole([*job_ids]).values()

    return Budgeting(
        SpendMeter(store, known, Telling(store, tell), prices, clock, find),
        lambda audit: Spending(store, known, prices, audit, clock),
    )
