"""Makes the budgets, and what follows when jobs have ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from shared.alerts.port import AlertKind, AlertService
from shared.app.stores import Stores
from shared.audit.port import Audit
from shared.clock import Clock
from shared.completion.mails import Completions
from shared.jobs.entry import Entry
from shared.notifications.port import NotificationService
from shared.schedules.job import Job
from shared.settings import Settings
from shared.spending.known import Known
from shared.spending.meter import SpendMeter
from shared.spending.service import Spending
from shared.spending.store import Store
from shared.spending.telling import Telling
from shared.tasks import Registry

Follow = Callable[[Sequence[Entry], Callable[[], None]], None]
"""Is told of jobs that ended; calls the check now and then."""


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

    return Budgeting(
        SpendMeter(store, known, Telling(store, tell), prices, clock, _finding(at)),
        lambda audit: Spending(store, known, prices, audit, clock),
    )


def following(
    at: Stores,
    tasks: Registry,
    meter: SpendMeter,
    notifications: Callable[[], NotificationService],
    runs: Follow,
) -> Follow:
    """What follows when jobs have ended: they are counted, and mailed of, and so their runs go
    on."""
    completions = Completions(tasks, at.table.many, _finding(at), notifications)

    def follow(entries: Sequence[Entry], check: Callable[[], None]) -> None:
        meter.follow(entries, check)
        completions.follow(entries, check)
        runs(entries, check)

    return follow


def _finding(at: Stores) -> Callable[[Iterable[str]], Iterable[Job]]:
    def find(job_ids: Iterable[str]) -> Iterable[Job]:
        return at.ended.whole([*job_ids]).values()

    return find
