"""The one place where the parts meet.

`build(settings, clock, tasks)` is pure wiring: tests call it with their own. `started` makes the
app of a process: `functions` keeps one, so that warm invocations reuse its clients.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from shared.alerts.of_engine import EngineAlerts
from shared.alerts.of_notifications import NotificationAlerts
from shared.alerts.port import AlertMonitor, AlertService, DatabaseMonitor
from shared.backups.port import BackupService
from shared.billing.port import BillingService
from shared.care.port import PetCare
from shared.clock import Clock
from shared.engine.commands import builtin, configured
from shared.engine.commands.checks import Checks
from shared.engine.commands.jobs import Control
from shared.engine.commands.schedules import Manager
from shared.engine.dispatch.alarm import Alarm
from shared.engine.dispatch.backlog import Backlog
from shared.engine.dispatch.clocks import Clocks
from shared.engine.dispatch.mend import Mender
from shared.engine.dispatch.queue_clock import QueueClock
from shared.engine.dispatch.sweep import Sweep
from shared.engine.dispatch.tick import Dispatcher
from shared.engine.housekeeping import Housekeeper
from shared.engine.port import Housekeeping
from shared.engine.records.history import History
from shared.engine.records.poison import Poison
from shared.engine.records.reconcile import Ledger
from shared.engine.work.execute import Executor
from shared.engine.work.lease import Lease
from shared.engine.work.limits import Limits
from shared.engine.work.metering import Metering
from shared.engine.work.outcomes import Outcomes
from shared.engine.work.pool import WorkerPool
from shared.engine.work.worker import Worker
from shared.errors import Damaged, Misconfigured
from shared.finance.port import FinanceService
from shared.log import Event, event
from shared.notifications.paid import PaidMessages
from shared.notifications.port import NotificationService, Review
from shared.schedules.upcoming import upcoming
from shared.settings import Settings
from shared.storage.checked import CheckedClock
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.names import Names
from shared.storage.queues.jobs import JobQueue, Message, ShardQueue
from shared.storage.queues.pulse import PulseQueue
from shared.storage.tables import readable
from shared.storage.tables.facts import Meta
from shared.storage.tables.handed import HandedOut
from shared.storage.tables.history import History as PastJobs
from shared.storage.tables.locks import Locks
from shared.storage.tables.schedules import ScheduleTable
from shared.tasks import Registry, Services
from shared.tasks.services import once

if TYPE_CHECKING:
    from shared.alerts.service import Alerts
    from shared.backups.service import Backups
    from shared.billing.service import Billing
    from shared.finance.service import Finance
    from shared.notifications.service import Notifications

T = TypeVar("T")

_logger = logging.getLogger("belfry")


@dataclass(frozen=True, kw_only=True, slots=True)
class App:
    """Everything a function needs."""

    settings: Settings
    clock: Clock
    registry: Registry
    table: ScheduleTable
    queue: JobQueue
    meta: Meta
    dispatcher: Dispatcher
    clocks: Clocks
    manager: Manager
    control: Control
    ledger: Ledger
    history: History
    paid: PaidMessages
    executor: Executor
    worker: Worker
    """Runs any job that it is given; for a person's command."""
    short_worker: Worker
    long_worker: Worker
    sweep: Sweep
    poison: Poison
    backups: Callable[[], Backups]
    """The backup service. Like the next ones, it is made when it is first used."""
    finance: Callable[[], Finance]
    notifications: Callable[[], Notifications]
    billing: Callable[[], Billing]
    alerts: Callable[[], Alerts]
    started_at: datetime
    """When this process built the app."""
    connection: Connection

    def prepare(self, *, by_hand: bool = False) -> None:
        """Create the table, the queues and the system schedules that are missing.

        Existing system schedules get the values that changed in code and settings. With `by_hand`
        they do not: then the settings are those of a person's shell, and the clocks run elsewhere.
        Raises `Misconfigured`, and `Unavailable` or `Refused` if storage fails.
        """
        self.create()
        for task in self.registry:
            try:
                builtin.ensure(task, self.settings, self.table, self.manager, change=not by_hand)
            except Damaged as error:  # one garbled row must not keep the app from starting
                readable.tell(task.name, error)
        if by_hand:
            return
        configured.warn_of_strangers(self.registry, self.settings)
        now = self.clock.now()
        self.clocks.prepare(configured.wakeups(self.registry, self.settings, now.year), now)
        with_time = {task.name for task in self.registry if task.recurrence is not None}
        for schedule in self.manager.schedules():
            if schedule.configured and schedule.id not in with_time:
                builtin.retire(schedule.id, self.manager)
            elif schedule.configured:
                coming = upcoming(schedule, now)
                event(
                    _logger,
                    Event.NEXT_RUN,
                    schedule_id=schedule.id,
                    enabled=schedule.definition.enabled,
                    next_run_at=coming and coming.due_at,
                )

    def create(self) -> None:
        """Create the table and the queues; harmless if they exist. Raises as `prepare` does."""
        names = Names(self.settings.prefix)
        with translated("table storage"):
            self.connection.create_table(names.table)
        jobs = (names.queue, names.poison, names.long_queue, names.long_poison)
        with translated("queue storage"):
            for queue in (*jobs, names.shards, names.clock):
                self.connection.create_queue(queue)
        self._hold_shards()

    def _hold_shards(self) -> None:
        """Check the number of shards, which must not change, because schedules are found by their
        shard. Raises `Misconfigured`."""
        wanted = str(self.settings.schedule_shards)
        stored = self.meta.value("shards")
        if stored is None:
            self.meta.put("shards", wanted)
        elif stored != wanted:
            raise Misconfigured(
                f"SCHEDULE_SHARDS is {wanted}, but the schedules were spread over {stored}; "
                f"set it to {stored}"
            )


@dataclass(frozen=True, slots=True)
class _Stores:
    """An app's table and queues in its storage account."""

    connection: Connection
    names: Names
    table: ScheduleTable
    handed: HandedOut
    meta: Meta
    locks: Locks
    queue: JobQueue

    @classmethod
    def of(cls, settings: Settings, connection: Connection) -> _Stores:
        """The stores that the settings name."""
        names = Names(settings.prefix)
        table = connection.table(names.table)
        meta = Meta(table)
        short, long = connection.queue(names.queue), connection.queue(names.long_queue)
        return cls(
            connection,
            names,
            ScheduleTable(table, settings.schedule_shards),
            HandedOut(table),
            meta,
            Locks(meta),
            JobQueue(short, long),
        )


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
    at = _Stores.of(settings, connection)
    dispatcher = _dispatcher(at, clock)
    limits = Limits(at.locks, tasks, settings.jobs_per_project)
    outcomes = Outcomes(at.table, at.queue, limits, clock)
    held = lease or Lease.of(settings.job_lease)
    services = Services(
        {
            BackupService: lambda: backups(),
            FinanceService: lambda: finance(),
            BillingService: lambda: billing(),
            NotificationService: lambda: notifications(),
            AlertService: lambda: alerts(),
            AlertMonitor: lambda: alerts(),
            DatabaseMonitor: lambda: _database_watch(settings, at, alerts),
            Housekeeping: lambda: Housekeeper(at.table, manager, ledger, clocks),
            PetCare: lambda: _care(settings, notifications, billing, alerts),
        }
    )
    _hold_needs(tasks, services)
    manager = Manager(
        outcomes=outcomes,
        dispatcher=dispatcher,
        handed=at.handed,
        clock=clock,
        new_id=_new_id,
        check=Checks(tasks, services),
    )
    ledger = Ledger(at.table, at.meta, clock)
    notifications = once(
        lambda: _notifications(settings, at.connection, at.meta, clock, NotificationAlerts(alerts))
    )
    alerts: Callable[[], Alerts] = once(
        lambda: _alerts(settings, at, tasks, notifications(), clock)
    )
    sweep = Sweep(at.table, at.queue, limits, at.meta, at.handed, dispatcher.tick_one)
    clocks = _clocks(at, dispatcher, sweep, EngineAlerts(at.table, alerts), held, clock)
    backups = once(lambda: _backups(settings, at, clock, manager, tasks, notifications(), alerts()))
    finance = once(lambda: _finance(settings, at.connection, alerts))
    billing = once(lambda: _billing(settings, clock))
    executor = Executor(tasks, services, clock)
    by_hand, short, long = _workers(at, outcomes, executor, limits, held, settings, clock)
    return App(
        settings=settings,
        clock=clock,
        registry=tasks,
        table=at.table,
        queue=at.queue,
        meta=at.meta,
        dispatcher=dispatcher,
        clocks=clocks,
        manager=manager,
        control=Control(outcomes=outcomes, manager=manager, clock=clock),
        ledger=ledger,
        history=History(PastJobs(at.connection.table(at.names.table), at.table), tasks),
        paid=PaidMessages(at.connection, at.names.notifications),
        executor=executor,
        worker=by_hand,
        short_worker=short,
        long_worker=long,
        sweep=sweep,
        poison=Poison(outcomes, clock),
        backups=backups,
        finance=finance,
        notifications=notifications,
        billing=billing,
        alerts=alerts,
        started_at=clock.now(),
        connection=at.connection,
    )


def _dispatcher(at: _Stores, clock: Clock) -> Dispatcher:
    backlog = Backlog(ShardQueue(at.connection.queue(at.names.shards)), at.locks, clock)
    return Dispatcher(at.table, at.queue, at.handed, at.meta, backlog, clock)


def _clocks(
    at: _Stores,
    dispatcher: Dispatcher,
    sweep: Sweep,
    alerts: EngineAlerts,
    held: Lease,
    clock: Clock,
) -> Clocks:
    alarm = Alarm(at.meta, alerts)
    checked = clock if isinstance(clock, CheckedClock) else None
    return Clocks(
        dispatcher=dispatcher,
        sweep=sweep,
        meta=at.meta,
        chain=QueueClock(PulseQueue(at.connection.queue(at.names.clock)), at.meta),
        alarm=alarm,
        mender=Mender(
            table=at.table,
            queue=at.queue,
            handed=at.handed,
            meta=at.meta,
            locks=at.locks,
            alarm=alarm,
            lease=held.length,
        ),
        invoke=lambda when: at.queue.send(Message((), clock.now()), when),
        clock=clock,
        wrong=lambda: checked.difference if checked is not None else None,
    )


def _workers(
    at: _Stores,
    outcomes: Outcomes,
    execute: Executor,
    limits: Limits,
    held: Lease,
    settings: Settings,
    clock: Clock,
) -> tuple[Worker, Worker, Worker]:
    """(the worker for a person's command, the one for short jobs, the one for long jobs)."""

    metering = Metering(clock, settings.prices.memory_mb / 1024)

    def pool(size: int, lasting: int) -> WorkerPool:
        return WorkerPool(
            outcomes=outcomes,
            execute=execute,
            clock=clock,
            lease=held,
            metering=metering,
            size=size,
            lasting=lasting,
        )

    def worker(pool: WorkerPool, long: bool | None) -> Worker:
        return Worker(
            table=at.table,
            queue=at.queue,
            pool=pool,
            limits=limits,
            clock=clock,
            name=lambda: secrets.token_hex(8),
            lease=held,
            long=long,
        )

    short = pool(settings.jobs_per_instance, settings.long_jobs_per_instance)
    long = pool(settings.long_jobs_per_instance, 0)
    return worker(short, None), worker(short, False), worker(long, True)


def _hold_needs(tasks: Registry, services: Services) -> None:
    """Raise `Misconfigured` if a task needs a service that does not exist, so that the app does not
    start."""
    for task in tasks:
        if missing := services.missing(task.needs):
            raise Misconfigured(f"task {task.name} needs {', '.join(missing)}, which nothing makes")


def _notifications(
    settings: Settings,
    connection: Connection,
    meta: Meta,
    clock: Clock,
    problems: NotificationAlerts,
) -> Notifications:
    from shared.notifications.service import notifications_from

    reviews = _reviews(settings)
    return notifications_from(settings, connection, meta, clock, reviews=reviews, problems=problems)


def _reviews(settings: Settings) -> Mapping[str, Review]:
    """The reviews of messages to owners, by their kinds."""
    from shared.care.reviews import reviews

    return reviews(settings)


def _care(
    settings: Settings,
    notifications: Callable[[], NotificationService],
    billing: Callable[[], BillingService],
    alerts: Callable[[], AlertService],
) -> PetCare:
    from shared.care.service import Care

    return Care(settings, notifications, billing, alerts)


def _backups(
    settings: Settings,
    at: _Stores,
    clock: Clock,
    manager: Manager,
    tasks: Registry,
    notifications: Notifications,
    alerts: Alerts,
) -> Backups:
    from shared.backups.service import Backups

    return Backups(
        settings=settings,
        connection=at.connection,
        locks=at.locks,
        clock=clock,
        manager=manager,
        tasks=tasks,
        notifications=notifications,
        alerts=alerts,
    )


def _finance(
    settings: Settings, connection: Connection, alerts: Callable[[], AlertService]
) -> Finance:
    from shared.finance.service import Finance

    return Finance(settings, connection, alerts)


def _billing(settings: Settings, clock: Clock) -> Billing:
    from shared.billing.service import Billing

    return Billing(settings.billing, clock)


def _alerts(
    settings: Settings,
    at: _Stores,
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


def _database_watch(
    settings: Settings, at: _Stores, alerts: Callable[[], AlertService]
) -> DatabaseMonitor:
    from shared.alerts.of_database import DatabaseWatch

    return DatabaseWatch(settings.database_url, at.meta, alerts)


def _new_id() -> str:
    """Eleven random letters and digits, without `r`, which begins the number of a retry."""
    alphabet = "abcdefghijklmnopqstuvwxyz0123456789"
    return "".join(secrets.choice(alphabet) for _ in range(11))
