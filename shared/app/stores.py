"""An app's table and queues in its storage account."""

from __future__ import annotations

from dataclasses import dataclass

from shared.clock import Clock
from shared.settings import Settings
from shared.storage.connect import Connection
from shared.storage.names import Names
from shared.storage.queues.jobs import JobQueue
from shared.storage.tables.backfills import BackfillTable
from shared.storage.tables.changed import ScheduleFeed
from shared.storage.tables.facts import Meta
from shared.storage.tables.handed import HandedOut
from shared.storage.tables.locks import Locks
from shared.storage.tables.schedules import ScheduleTable


@dataclass(frozen=True, slots=True)
class Stores:
    """An app's table and queues in its storage account."""

    connection: Connection
    names: Names
    table: ScheduleTable
    changed: ScheduleFeed
    handed: HandedOut
    backfills: BackfillTable
    meta: Meta
    locks: Locks
    queue: JobQueue

    @classmethod
    def of(cls, settings: Settings, connection: Connection, clock: Clock) -> Stores:
        """The stores that the settings name."""
        names = Names(settings.prefix)
        table = connection.table(names.table)
        meta = Meta(table)
        schedules = ScheduleTable(table, settings.schedule_shards, clock)
        short, long = connection.queue(names.queue), connection.queue(names.long_queue)
        return cls(
            connection,
            names,
            schedules,
            ScheduleFeed(table, schedules.shards),
            HandedOut(table),
            BackfillTable(table, schedules.shard),
            meta,
            Locks(meta),
            JobQueue(short, long),
        )
