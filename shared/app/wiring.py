"""Wires an app."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shared.alerts.of_engine import EngineAlerts
from shared.alerts.of_notifications import NotificationAlerts
from shared.alerts.port import AlertMonitor, AlertService, DatabaseMonitor
from shared.app import access, domains, engine, scaling
from shared.app import outgoing as places
from shared.app.customers import Around, Customers, services_of
from shared.app.metrics import metrics
from shared.app.model import App
from shared.app.spending import budgeting, following
from shared.app.stores import Stores
from shared.applied.port import DriftMonitor
from shared.applied.service import Applied
from shared.applied.watch import Watch
from shared.archive.port import ArchiveService
from shared.audit.service import AuditTrail
from shared.audit.upkeep import AuditUpkeep
from shared.backups.port import BackupService
from shared.billing.port import BillingService
from shared.calendars.port import CalendarUpkeep
from shared.care.port import PetCare
from shared.clock import Clock
from shared.engine.commands.backfills import Backfills
from shared.engine.commands.checks import Checks
from shared.engine.commands.jobs import Control
from shared.engine.commands.schedules import Manager
from shared.engine.dispatch.sweep import Sweep
from shared.engine.housekeeping import Housekeeper
from shared.engine.port import Housekeeping
from shared.engine.records.history import History
from shared.engine.records.lists import Lists
from shared.engine.records.poison import Poison
from shared.engine.records.reconcile import Ledger
from shared.engine.work.execute import Executor
from shared.engine.work.lease import Lease
from shared.engine.work.limits import Limits
from shared.engine.work.outcomes import Outcomes
from shared.engine.work.pacer import Pacer
from shared.errors import Misconfigured
from shared.finance.port import FinanceService
from shared.health.monitor import Monitor
from shared.health.port import ScheduleMonitor
from shared.health.service import ScheduleHealth
from shared.listing.checking import Checking
from shared.listing.upkeep import Upkeep
from shared.notifications.paid import PaidMessages
from shared.notifications.port import NotificationService
from shared.scaling.port import ScalingService
from shared.settings import Settings
from shared.storage.checked import CheckedClock
from shared.storage.connect import Connection
from shared.storage.tables.history import History as PastJobs
from shared.tasks import Registry, Services
from shared.tasks.services import once

if TYPE_CHECKING:
    from shared.alerts.service import Alerts


def build(
    settings: Settings,
    clock: Clock,
    tasks: Registry,
    *,
    transport: Any = None,
    lease: Lease | None = None,
    rehearses: CheckedClock | None = None,
) -> App:
    """Wire an app. `transport` (of the storage SDKs) and `lease` are for tests.

    `rehearses`: the app is for a dry run. Its storage refuses every write, and signs its requests
    by this clock, since `clock` may stand at any instant.
    """
    checked = rehearses or (clock if isinstance(clock, CheckedClock) else None)
    connection = Connection(settings.storage, transport, checked, read_only=rehearses is not None)
    at = Stores.of(settings, connection, clock)
    dispatcher = engine.dispatcher(at, clock)
    limits = Limits(at.locks, tasks, settings.jobs_per_project)
    pacer = Pacer(at.table, at.backfills, at.queue, at.handed, at.meta, clock)
    post = places.heartbeats(settings, clock)
    heartbeats = engine.heartbeats(at, post, clock)
    held = lease or Lease.of(settings.job_lease)
    budgets = budgeting(settings, at, lambda: alerts(), clock)
    outcomes = Outcomes(at.table, at.queue, limits, clock, pacer, heartbeats, held, budgets.meter)
    services = Services(
        {
            BackupService: lambda: backups(),
            FinanceService: lambda: finance(),
            BillingService: lambda: billing(),
            NotificationService: lambda: notifications(),
            AlertService: lambda: alerts(),
            AlertMonitor: lambda: alerts(),
            DatabaseMonitor: lambda: domains.database_watch(settings, at, alerts),
            AuditUpkeep: lambda: audit,
            Housekeeping: lambda: Housekeeper(
                at.table,
                at.answers,
                manager,
                ledger,
                clocks,
                packing,
                Upkeep(listing),
                Checking(listing, at.meta),
                pacer,
            ),
            CalendarUpkeep: lambda: calendars,
            ScheduleMonitor: lambda: Monitor(health, alerts(), at.meta),
            DriftMonitor: lambda: Watch(looking, alerts()),
            ArchiveService: lambda: archive(),
            ScalingService: lambda: scales(),
            PetCare: lambda: domains.care(settings, notifications, billing, alerts),
            **services_of(lambda: customers),
        }
    )
    _hold_needs(tasks, services)
    manager = Manager(
        outcomes=outcomes,
        ended=at.ended,
        dispatcher=dispatcher,
        handed=at.handed,
        clock=clock,
        new_id=_new_id,
        check=Checks(tasks, services, post.hold),
    )
    audit = AuditTrail(
        connection=at.connection,
        names=at.names,
        table=at.table,
        locks=at.locks,
        clock=clock,
        alerts=lambda: alerts(),
        keep_days=settings.audit_days,
    )
    calendars, feeds = domains.calendars(at, manager, audit, clock)
    ledger = Ledger(at.table, at.ended, at.meta, clock)
    follow = following(at, tasks, budgets.meter, lambda: notifications())
    jobs, packing = engine.index_of_jobs(at, settings, clock, follow)
    listing = engine.listing(at, clock)
    lists = Lists(at.table, listing)
    past = PastJobs(at.connection.table(at.names.table), at.table, at.ended)
    health = ScheduleHealth(at.table, past, lists, listing, at.findings)
    looking = domains.looking(at, listing)
    notifications = once(
        lambda: domains.notifications(
            settings, at.connection, at.meta, clock, audit, NotificationAlerts(alerts)
        )
    )
    alerts: Callable[[], Alerts] = once(
        lambda: domains.alerts(settings, at, tasks, notifications(), clock)
    )
    sweep = Sweep(at.table, at.queue, limits, at.meta, at.handed, at.feed, dispatcher.tick_one)
    # its own: signals of schedules may wait for services that hang
    alone = engine.heartbeats(at, post, clock)
    own = engine.own_heartbeat(at, settings.heartbeat, alone)
    clocks = engine.clocks(at, dispatcher, sweep, EngineAlerts(at.table, alerts), own, held, clock)
    backups = once(
        lambda: domains.backups(
            settings, at, clock, manager, lists, tasks, notifications(), alerts(), audit
        )
    )
    finance = once(lambda: domains.finance(settings, at.connection, alerts))
    archive = once(lambda: domains.archive(settings, at))
    billing = once(lambda: domains.billing(settings, clock))
    traffic = scaling.traffic(settings.scaling, at, clock)
    scales = once(lambda: scaling.scaling(settings.scaling, at, traffic, audit, alerts))
    executor = Executor(tasks, services, clock)
    customers = Customers(
        Around(
            settings=settings,
            at=at,
            clock=clock,
            tasks=tasks,
            services=services,
            executor=executor,
            limits=limits,
            manager=manager,
            calendars=calendars,
            listing=listing,
            lists=lists,
            ledger=ledger,
            audit=audit,
            meter=budgets.meter,
            alerts=alerts,
            notifications=notifications,
        )
    )
    keys, gate = access.made(settings, at, clock, audit)
    by_hand, short, long = engine.workers(at, outcomes, executor, limits, held, settings, clock)
    return App(
        settings=settings,
        clock=clock,
        registry=tasks,
        table=at.table,
        queue=at.queue,
        meta=at.meta,
        answers=at.answers,
        dispatcher=dispatcher,
        clocks=clocks,
        manager=manager,
        unsent_heartbeats=at.unsent,
        backfills=Backfills(manager, outcomes, at.backfills, settings.backfill_limit),
        control=Control(outcomes=outcomes, ended=at.ended, manager=manager, clock=clock),
        ledger=ledger,
        ended=at.ended,
        archive=archive,
        jobs=jobs,
        packing=packing,
        listing=listing,
        lists=lists,
        history=History(past, tasks),
        health=health,
        applied=Applied(looking, audit, clock),
        neighbours=engine.neighbours(at, lists, tasks, clock),
        paid=PaidMessages(at.connection, at.names.notifications),
        keys=keys,
        gate=gate,
        executor=executor,
        worker=by_hand,
        short_worker=short,
        long_worker=long,
        sweep=sweep,
        poison=Poison(outcomes, clock),
        backups=backups,
        batches=customers.batches,
        exports=customers.exports,
        finance=finance,
        notifications=notifications,
        billing=billing,
        alerts=alerts,
        analyses=customers.analyses,
        calendars=calendars,
        feeds=feeds,
        resources=customers.resources,
        meter=budgets.meter,
        spending=budgets.people(audit),
        syncs=customers.sync_store,
        audit=audit,
        metrics=metrics(settings, at, jobs, listing, scales, clock),
        traffic=traffic,
        scaling=scales,
        health_checks=customers.health_checks,
        status_pages=customers.status_pages,
        webhooks=customers.webhooks,
        started_at=clock.now(),
        connection=at.connection,
    )


def _hold_needs(tasks: Registry, services: Services) -> None:
    """Raise `Misconfigured` if a task needs a service that does not exist, so that the app does not
    start."""
    for task in tasks:
        if missing := services.missing(task.needs):
            raise Misconfigured(f"task {task.name} needs {', '.join(missing)}, which nothing makes")


def _new_id() -> str:
    """Eleven random letters and digits, without `r`, which begins the number of a retry."""
    alphabet = "abcdefghijklmnopqstuvwxyz0123456789"
    return "".join(secrets.choice(alphabet) for _ in range(11))
