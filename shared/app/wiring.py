"""Wires an app."""

from __future__ import annotations

import secrets
from typing import Any

from shared.alerts.of_engine import EngineAlerts
from shared.app import access, approving, customers, domains, engine, scaling, workflows
from shared.app import outgoing as places
from shared.app.around import Around
from shared.app.health_summary import health_summary, pending
from shared.app.metrics import metrics
from shared.app.model import App
from shared.app.records import Records, housekeeper
from shared.app.spending import budgeting, following
from shared.app.stores import Stores
from shared.app.weekly import Looking
from shared.app.weekly import services_of as looking_services
from shared.applied.port import DriftMonitor
from shared.applied.service import Applied
from shared.applied.watch import Watch
from shared.audit.service import AuditTrail
from shared.audit.upkeep import AuditUpkeep
from shared.calendars.feeds import Feeds
from shared.calendars.port import CalendarUpkeep
from shared.calendars.service import Calendars
from shared.calendars.spreading import Spreading
from shared.clock import Clock
from shared.engine.commands.backfills import Backfills
from shared.engine.commands.checks import Checks
from shared.engine.commands.jobs import Control
from shared.engine.commands.schedules import Manager
from shared.engine.dispatch.sweep import Sweep
from shared.engine.port import Housekeeping
from shared.engine.records.poison import Poison
from shared.engine.work.execute import Executor
from shared.engine.work.lease import Lease
from shared.engine.work.limits import Limits
from shared.engine.work.outcomes import Outcomes
from shared.engine.work.pacer import Pacer
from shared.errors import Misconfigured
from shared.health.monitor import Monitor
from shared.health.port import ScheduleMonitor
from shared.notifications.paid import PaidMessages
from shared.settings import Settings
from shared.storage.checked import CheckedClock
from shared.storage.connect import Connection
from shared.tasks import Registry, Services


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
    held = lease or Lease.of(settings.job_lease)
    post = places.heartbeats(settings, clock)
    dispatcher = engine.dispatcher(at, clock)
    limits = Limits(at.locks, tasks, settings.jobs_per_project)
    pacer = Pacer(at.table, at.backfills, at.queue, at.handed, at.meta, clock)
    heartbeats = engine.heartbeats(at, post, clock)
    budgets = budgeting(settings, at, lambda: company.alerts(), clock)
    runs = workflows.RunsOf(lambda: flows.advancing())
    outcomes = Outcomes(
        at.table, at.queue, limits, clock, pacer, heartbeats, held, budgets.meter, runs
    )
    services = Services(
        {
            AuditUpkeep: lambda: audit,
            CalendarUpkeep: lambda: calendars,
            DriftMonitor: lambda: Watch(records.looking, company.alerts()),
            Housekeeping: lambda: housekeeper(at, manager, clocks, records, pacer),
            ScheduleMonitor: lambda: Monitor(records.health, company.alerts(), at.meta),
            **domains.services_of(lambda: company),
            **customers.services_of(lambda: served),
            **workflows.services_of(lambda: flows),
            **looking_services(lambda: looking),
        }
    )
    _hold_needs(tasks, services)
    executor = Executor(tasks, services, clock, approving.GateOf(lambda: company.gate()))
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
        alerts=lambda: company.alerts(),
        keep_days=settings.audit_days,
    )
    calendars = Calendars(at.calendars, Spreading(at.calendars, at.table, manager), audit, clock)
    follow = following(
        at,
        tasks,
        budgets.meter,
        lambda: company.notifications(),
        lambda entries, check: flows.follow(entries, check),
    )
    records = Records.of(settings, at, tasks, clock, follow)
    traffic = scaling.traffic(settings.scaling, at, clock)
    around = Around(
        settings=settings,
        at=at,
        clock=clock,
        tasks=tasks,
        services=services,
        executor=executor,
        limits=limits,
        manager=manager,
        calendars=calendars,
        records=records,
        audit=audit,
        meter=budgets.meter,
        traffic=traffic,
    )
    company = domains.Domains(around, lambda: flows.people())
    served = customers.Customers(around, company)
    control = Control(outcomes=outcomes, ended=at.ended, manager=manager, clock=clock)
    flows = workflows.Workflows(around, company, control)
    looking = Looking(
        around,
        company,
        approvals=company.approval_figures,
        workflows=flows.figures,
        runs=flows.figures,
    )
    sweep = Sweep(at.table, at.queue, limits, at.meta, at.handed, at.feed, dispatcher.tick_one)
    # its own: signals of schedules may wait for services that hang
    alone = engine.heartbeats(at, post, clock)
    own = engine.own_heartbeat(at, settings.heartbeat, alone)
    alarms = EngineAlerts(at.table, company.alerts)
    clocks = engine.clocks(at, dispatcher, sweep, alarms, own, held, clock)
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
        control=control,
        ledger=records.ledger,
        ended=at.ended,
        archive=company.archive,
        jobs=records.jobs,
        packing=records.packing,
        listing=records.listing,
        lists=records.lists,
        history=records.history,
        health=records.health,
        applied=Applied(records.looking, audit, clock),
        neighbours=records.neighbours,
        paid=PaidMessages(at.connection, at.names.notifications),
        keys=keys,
        gate=gate,
        executor=executor,
        worker=by_hand,
        short_worker=short,
        long_worker=long,
        sweep=sweep,
        poison=Poison(outcomes, clock),
        backups=company.backups,
        batches=served.batches,
        exports=served.exports,
        finance=company.finance,
        marketing=company.marketing,
        notifications=company.notifications,
        billing=company.billing,
        alerts=company.alerts,
        approvals=company.approvals,
        analyses=served.analyses,
        calendars=calendars,
        feeds=Feeds(at.calendars, audit, clock),
        resources=served.resources,
        meter=budgets.meter,
        spending=budgets.people(audit),
        syncs=served.sync_store,
        audit=audit,
        metrics=metrics(settings, at, records.jobs, records.listing, company.scaling, clock),
        health_summary=health_summary(
            settings, at, records.jobs, company, clock, lambda: pending(company)
        ),
        traffic=traffic,
        scaling=company.scaling,
        health_checks=served.health_checks,
        status_pages=served.status_pages,
        webhooks=served.webhooks,
        workflows=flows.book,
        workflow_runs=flows.runs,
        weekly=looking.weekly,
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
