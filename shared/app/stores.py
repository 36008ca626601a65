"""An app's table and queues in its storage account."""

from __future__ import annotations

from dataclasses import dataclass

from shared.archive.catalog import Catalog
from shared.archive.files import Files
from shared.archive.jobs import EndedJobs
from shared.archive.reading import Archive
from shared.calendars.store import Store
from shared.clock import Clock
from shared.settings import Settings
from shared.storage.connect import Connection
from shared.storage.names import Names
from shared.storage.queues.jobs import JobQueue
from shared.storage.tables.answers import Answers
from shared.storage.tables.backfills import BackfillTable
from shared.storage.tables.changed import ScheduleFeed
from shared.storage.tables.facts import Meta
from shared.storage.tables.findings import Findings
from shared.storage.tables.handed import HandedOut
from shared.storage.tables.heartbeats import UnsentHeartbeats
from shared.storage.tables.job_feed import JobFeed
from shared.storage.tables.locks import Locks
from shared.storage.tables.schedules import ScheduleTable


@dataclass(frozen=True, slots=True)
class Stores:
    """An app's table and queues in its storage account."""

    connection: Connection
    names: Names
    table: ScheduleTable
    changed: ScheduleFeed
    calendars: Store
    handed: HandedOut
    backfills: BackfillTable
    unsent: UnsentHeartbeats
    feed: JobFeed
    meta: Meta
    locks: Locks
    findings: Findings
    """Of the health monitor."""
    queue: JobQueue
    answers: Answers
    files: Files
    """Of the archive."""
    ended: EndedJobs

    @classmethod
    def of(cls, settings: Settings, connection: Connection, clock: Clock) -> Stores:
        """The stores that the settings name."""
        names = Names(settings.prefix)
        table = connection.table(names.table)
        meta = Meta(table)
        schedules = ScheduleTable(table, settings.schedule_shards, clock)
        short, long = connection.queue(names.queue), connection.queue(names.long_queue)
        files = Files(connection.blobs)
        return cls(
            connection,
            names,
            schedules,
            ScheduleFeed(table, schedules.shards),
            Store(table),
            HandedOut(table),
            BackfillTable(table, schedules.shard),
            UnsentHeartbeats(table, schedules.shard),
            JobFeed(table, meta),
            meta,
            Locks(meta),
            Findings(table, clock),
            JobQueue(short, long),
            Answers(table),
            files,
            EndedJobs(schedules, Archive(Catalog(table), files), clock),
        )
