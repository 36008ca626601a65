"""The app: everything that a function needs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from shared.applied.service import Applied
from shared.archive.jobs import EndedJobs
from shared.audit.service import AuditTrail
from shared.calendars.feeds import Feeds
from shared.calendars.service import Calendars
from shared.clock import Clock
from shared.engine.commands import builtin, configured
from shared.engine.commands.backfills import Backfills
from shared.engine.commands.jobs import Control
from shared.engine.commands.schedules import Manager
from shared.engine.dispatch.clocks import Clocks
from shared.engine.dispatch.sweep import Sweep
from shared.engine.dispatch.tick import Dispatcher
from shared.engine.records.history import History
from shared.engine.records.job_index import JobIndex
from shared.engine.records.job_packing import JobPacking
from shared.engine.records.lists import Lists
from shared.engine.records.neighbours import Neighbours
from shared.engine.records.poison import Poison
from shared.engine.records.reconcile import Ledger
from shared.engine.work.execute import Executor
from shared.engine.work.worker import Worker
from shared.errors import Damaged, Misconfigured
from shared.health.service import ScheduleHealth
from shared.keys.gate import Gate
from shared.keys.service import Keys
from shared.listing.listing import Listing
from shared.log import Event, event
from shared.metrics.service import Metrics
from shared.notifications.paid import PaidMessages
from shared.scaling.traffic import Traffic
from shared.schedules.upcoming import upcoming
from shared.settings import Settings
from shared.spending.meter import SpendMeter
from shared.spending.service import Spending
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.names import Names
from shared.storage.queues.jobs import JobQueue
from shared.storage.tables import readable
from shared.storage.tables.answers import Answers
from shared.storage.tables.facts import Meta
from shared.storage.tables.heartbeats import UnsentHeartbeats
from shared.storage.tables.schedules import ScheduleTable
from shared.sync.store import SyncStore
from shared.tasks import Registry

if TYPE_CHECKING:
    from shared.alerts.service import Alerts
    from shared.analysis.service import Analyses
    from shared.approvals.service import Approvals
    from shared.archive.service import JobArchive
    from shared.backups.service import Backups
    from shared.batch.service import Batches
    from shared.billing.service import Billing
    from shared.exports.service import Exports
    from shared.finance.service import Finance
    from shared.health_summary.service import HealthSummary
    from shared.marketing.service import Marketing
    from shared.notifications.service import Notifications
    from shared.probes.publishing import StatusPages
    from shared.probes.store import Store as HealthChecks
    from shared.resources.service import Resources
    from shared.scaling.service import Scaling
    from shared.webhooks.service import Webhooks
    from shared.weekly.service import Weekly
    from shared.workflows.saved.service import WorkflowBook
    from shared.workflows.service import Runs as WorkflowRuns


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
    answers: Answers
    dispatcher: Dispatcher
    clocks: Clocks
    manager: Manager
    control: Control
    backfills: Backfills
    unsent_heartbeats: UnsentHeartbeats
    ledger: Ledger
    ended: EndedJobs
    archive: Callable[[], JobArchive]
    jobs: JobIndex
    packing: JobPacking
    listing: Listing
    lists: Lists
    history: History
    health: ScheduleHealth
    applied: Applied
    neighbours: Neighbours
    paid: PaidMessages
    keys: Keys
    gate: Gate
    """Says who sends a request."""
    executor: Executor
    worker: Worker
    """Runs any job that it is given; for a person's command."""
    short_worker: Worker
    long_worker: Worker
    sweep: Sweep
    poison: Poison
    backups: Callable[[], Backups]
    """The backup service. Like the next ones, it is made when it is first used."""
    batches: Callable[[], Batches]
    exports: Callable[[], Exports]
    finance: Callable[[], Finance]
    marketing: Callable[[], Marketing]
    notifications: Callable[[], Notifications]
    billing: Callable[[], Billing]
    alerts: Callable[[], Alerts]
    approvals: Callable[[], Approvals]
    analyses: Callable[[], Analyses]
    calendars: Calendars
    feeds: Feeds
    resources: Callable[[], Resources]
    """What customers' tasks name."""
    meter: SpendMeter
    """Says whether a budget is used up."""
    spending: Spending
    """The budgets, for people."""
    syncs: SyncStore
    """The runs of syncs."""
    audit: AuditTrail
    """What is told of each change; `manager` and `control` do so by themselves."""
    metrics: Metrics
    health_summary: Callable[[], HealthSummary]
    traffic: Traffic
    """Told of each request that was answered."""
    scaling: Callable[[], Scaling]
    health_checks: Callable[[], HealthChecks]
    """What customers' health checks found."""
    status_pages: Callable[[], StatusPages]
    webhooks: Callable[[], Webhooks]
    weekly: Callable[[], Weekly]
    """The weekly reports."""
    workflows: Callable[[], WorkflowBook]
    """The definitions, for people."""
    workflow_runs: Callable[[], WorkflowRuns]
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
        rows = self.table.rows([task.name for task in self.registry])
        for task in self.registry:
            try:
                row = rows.get(task.name)
                present = None if row is None else readable.to_schedule(row)
                builtin.ensure(
                    task, present, self.settings, self.table, self.manager, change=not by_hand
                )
            except Damaged as error:  # one garbled row must not keep the app from starting
                readable.tell(task.name, error)
        if by_hand:
            return
        configured.warn_of_strangers(self.registry, self.settings)
        now = self.clock.now()
        self.clocks.prepare(configured.wakeups(self.registry, self.settings, now.year), now)
        with_time = {task.name for task in self.registry if task.recurrence is not None}
        for schedule in builtin.existing(with_time, self.table, self.meta):
            if schedule.id not in with_time:
                builtin.retire(schedule.id, self.manager)
            else:
                coming = upcoming(schedule, now)
                event(
                    _logger,
                    Event.NEXT_RUN,
                    schedule_id=schedule.id,
                    enabled=schedule.definition.enabled,
                    next_run_at=coming and coming.due_at,
                )

    def create(self) -> None:
        """Create the tables and the queues; harmless if they exist. Raises as `prepare` does."""
        names = Names(self.settings.prefix)
        with translated("table storage"):
            self.connection.create_table(names.table)
            self.connection.create_table(names.keys)
            self.connection.create_table(names.audit)
            self.connection.create_table(names.resources)
            self.connection.create_table(names.secrets)
            self.connection.create_table(names.spending)
            self.connection.create_table(names.workflows)
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
