"""Makes the services of the domains. Each is imported when it is made, since a cold start pays for
every import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from shared.alerts.of_notifications import NotificationAlerts
from shared.alerts.port import AlertService, DatabaseMonitor
from shared.app.stores import Stores
from shared.applied.looking import Looking
from shared.applied.store import Store as Applications
from shared.audit.port import Audit
from shared.billing.port import BillingService
from shared.calendars.feeds import Feeds
from shared.calendars.service import Calendars
from shared.calendars.spreading import Spreading
from shared.care.port import PetCare
from shared.clock import Clock
from shared.engine.commands.schedules import Manager
from shared.engine.records.lists import Lists
from shared.listing.listing import Listing
from shared.notifications.port import NotificationService, Review
from shared.settings import Settings
from shared.storage.connect import Connection
from shared.storage.tables.facts import Meta
from shared.tasks import Registry

if TYPE_CHECKING:
    from shared.alerts.service import Alerts
    from shared.archive.service import JobArchive
    from shared.backups.service import Backups
    from shared.billing.service import Billing
    from shared.finance.service import Finance
    from shared.notifications.service import Notifications


def notifications(
    settings: Settings,
    connection: Connection,
    meta: Meta,
    clock: Clock,
    audit: Audit,
    problems: NotificationAlerts,
) -> Notifications:
    from shared.notifications.service import notifications_from

    reviews = _reviews(settings)
    return notifications_from(
        settings, connection, meta, clock, audit, reviews=reviews, problems=problems
    )


def _reviews(settings: Settings) -> Mapping[str, Review]:
    """The reviews of messages to owners, by their kinds."""
    from shared.care.reviews import reviews

    return reviews(settings)


def calendars(at: Stores, manager: Manager, audit: Audit, clock: Clock) -> tuple[Calendars, Feeds]:
    spreading = Spreading(at.calendars, at.table, manager)
    return Calendars(at.calendars, spreading, audit, clock), Feeds(at.calendars, audit, clock)


def looking(at: Stores, listing: Listing) -> Looking:
    store = Applications(at.connection.table(at.names.table))
    return Looking(store, at.table, listing, at.calendars)


def care(
    settings: Settings,
    notifications: Callable[[], NotificationService],
    billing: Callable[[], BillingService],
    alerts: Callable[[], AlertService],
) -> PetCare:
    from shared.care.service import Care

    return Care(settings, notifications, billing, alerts)


def archive(settings: Settings, at: Stores) -> JobArchive:
    from shared.archive.service import JobArchive

    return JobArchive(
        table=at.connection.table(at.names.table),
        shards=at.table.shards,
        container=at.connection.blobs,
        name=at.names.history,
        files=at.files,
        retention=settings.job_retention,
    )


def backups(
    settings: Settings,
    at: Stores,
    clock: Clock,
    manager: Manager,
    lists: Lists,
    tasks: Registry,
    notifications: Notifications,
    alerts: Alerts,
    audit: Audit,
) -> Backups:
    from shared.backups.service import Backups

    return Backups(
        settings=settings,
        connection=at.connection,
        locks=at.locks,
        clock=clock,
        manager=manager,
        lists=lists,
        tasks=tasks,
        notifications=notifications,
        alerts=alerts,
        audit=audit,
    )


def finance(
    settings: Settings, connection: Connection, alerts: Callable[[], AlertService]
) -> Finance:
    from shared.finance.service import Finance

    return Finance(settings, connection, alerts)


def billing(settings: Settings, clock: Clock) -> Billing:
    from shared.billing.service import Billing

    return Billing(settings.billing, clock)


def alerts(
    settings: Settings,
    at: Stores,
    tasks: Registry,
    notifications: Notifications,
    clock: Clock,
) -> Alerts:
    from shared.alerts.service import alerts_from
    from shared.backups.params import BackupPlan

    # the backup monitor tells of the jobs of plans
    plans = [task for task in tasks if issubclass(task.params, BackupPlan)]
    covered = {name for task in plans for name in (task.name, *task.aliases)}
    return alerts_from(settings, at.connection, at.table, notifications, covered, clock)


def database_watch(
    settings: Settings, at: Stores, alerts: Callable[[], AlertService]
) -> DatabaseMonitor:
    from shared.alerts.of_database import DatabaseWatch

    return DatabaseWatch(settings.database_url, at.meta, alerts)
