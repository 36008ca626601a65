"""Makes what is known of schedules and their jobs: the lists, the indexes, the histories."""

from __future__ import annotations

from dataclasses import dataclass

from shared.app import engine
from shared.app.spending import Follow
from shared.app.stores import Stores
from shared.applied.looking import Looking
from shared.applied.store import Store as Applications
from shared.clock import Clock
from shared.engine.commands.schedules import Manager
from shared.engine.dispatch.clocks import Clocks
from shared.engine.housekeeping import Housekeeper
from shared.engine.records.history import History
from shared.engine.records.job_index import JobIndex
from shared.engine.records.job_packing import JobPacking
from shared.engine.records.lists import Lists
from shared.engine.records.neighbours import Neighbours
from shared.engine.records.reconcile import Ledger
from shared.engine.work.pacer import Pacer
from shared.health.service import ScheduleHealth
from shared.listing.checking import Checking
from shared.listing.listing import Listing
from shared.listing.upkeep import Upkeep
from shared.settings import Settings
from shared.storage.tables.history import History as PastJobs
from shared.tasks import Registry


@dataclass(frozen=True, kw_only=True, slots=True)
class Records:
    """What is known of them."""

    listing: Listing
    lists: Lists
    jobs: JobIndex
    packing: JobPacking
    ledger: Ledger
    history: History
    health: ScheduleHealth
    neighbours: Neighbours
    looking: Looking
    """At what was applied from files."""

    @classmethod
    def of(
        cls, settings: Settings, at: Stores, tasks: Registry, clock: Clock, follow: Follow
    ) -> Records:
        """`follow` is told of the jobs that ended."""
        table = at.connection.table(at.names.table)
        listing = engine.listing(at, clock)
        lists = Lists(at.table, listing)
        jobs, packing = engine.index_of_jobs(at, settings, clock, follow)
        past = PastJobs(table, at.table, at.ended)
        return cls(
            listing=listing,
            lists=lists,
            jobs=jobs,
            packing=packing,
            ledger=Ledger(at.table, at.ended, at.meta, clock),
            history=History(past, tasks),
            health=ScheduleHealth(at.table, past, lists, listing, at.findings),
            neighbours=engine.neighbours(at, lists, tasks, clock),
            looking=Looking(Applications(table), at.table, listing, at.calendars),
        )


def housekeeper(
    at: Stores, manager: Manager, clocks: Clocks, records: Records, pacer: Pacer
) -> Housekeeper:
    """What keeps them in order."""
    return Housekeeper(
        at.table,
        at.answers,
        manager,
        records.ledger,
        clocks,
        records.packing,
        Upkeep(records.listing),
        Checking(records.listing, at.meta),
        pacer,
    )
