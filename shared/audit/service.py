"""The entry point of the audit: it records, chains, lists, anchors, archives and verifies."""

from __future__ import annotations

import logging
import operator
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from shared.access import ENGINE, Caller
from shared.alerts.port import AlertKind, AlertService
from shared.audit.anchors import Anchors
from shared.audit.chain import Head, Record
from shared.audit.chainer import Chainer, Source
from shared.audit.entry import Entry
from shared.audit.listing import Listing, Page, Wanted
from shared.audit.port import Action, Changing, Subject
from shared.audit.recording import Recorder
from shared.audit.table import PENDING, ChainTable
from shared.audit.walk import Verified, Walk
from shared.clock import Clock
from shared.errors import BelfryError, Damaged
from shared.log import Event, event
from shared.storage.connect import Connection
from shared.storage.names import Names
from shared.storage.tables import pending
from shared.storage.tables.locks import Locks
from shared.storage.tables.schedules import ScheduleTable
from shared.tasks.context import JobContext

_logger = logging.getLogger("belfry.audit")

_LOCK = "audit"
_HELD = timedelta(minutes=10)
_ABOUT = "chain"
_TOGETHER = timedelta(seconds=10)
"""How often a process chains what it recorded."""


class AuditTrail:
    """The audit (`port.Audit`). Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(
        self,
        *,
        connection: Connection,
        names: Names,
        table: ScheduleTable,
        locks: Locks,
        clock: Clock,
        alerts: Callable[[], AlertService],
        keep_days: int,
    ) -> None:
        """`keep_days`: records older than this are kept in files only."""
        self._table = ChainTable(connection.table(names.audit))
        self._schedules = table
        self._locks = locks
        self._alerts = alerts
        self._keep = timedelta(days=keep_days)
        self._clock = clock
        self._settled_at: datetime | None = None
        self._busy = threading.Lock()
        self._recorder = Recorder(self._table.table, clock)
        self._listing = Listing(self._table)
        self._anchors = Anchors(lambda: connection.container(names.audit_files), self._table)
        rows = connection.table(names.table)
        sources = [Source(self._table.table, PENDING), *(Source(rows, one) for one in table.shards)]
        self._chainer = Chainer(self._table, sources, clock, self._resumed)

    def changing(
        self,
        by: Caller,
        action: Action,
        subject: Subject,
        before: Mapping[str, object] | None = None,
        *,
        even_if_away: bool = False,
    ) -> AbstractContextManager[Changing]:
        """Record a change (`port.Audit.changing`, `Recorder.changing`)."""
        return self._recorder.changing(by, action, subject, before, even_if_away=even_if_away)

    def settle(self) -> None:
        """Chain what this process recorded. Cheap if there is nothing; the first after a quiet time
        is chained at once, and many one after another together."""
        now, last = self._clock.now(), self._settled_at
        shards = set(self._schedules.audited)
        if not shards and not self._recorder.stirred:
            return
        if last is not None and timedelta() <= now - last < _TOGETHER:
            return  # the next invocation does it, or `audit_upkeep`
        if not self._busy.acquire(blocking=False):
            return  # another thread of this process does it
        try:
            self._settled_at = now
            self._settle(shards)
        finally:
            self._busy.release()

    def _settle(self, shards: set[str]) -> None:
        # before reading: what comes from now on is chained the next time
        self._schedules.audited.difference_update(shards)
        self._recorder.stirred = False
        try:
            self._chainer.chain({PENDING, *shards})
        except BelfryError:
            self._schedules.audited.update(shards)
            self._recorder.stirred = True
            raise

    def chain(self, check: Callable[[], None] = lambda: None) -> int:
        """Chain all that is pending; how many entries."""
        return self._chainer.chain(check=check)

    def page(
        self,
        wanted: Wanted,
        caller: Caller,
        page: int,
        page_size: int,
        *,
        below: int | None = None,
    ) -> Page:
        """A page of the records that fit and that the caller may see, newest first. What was
        recorded until now is among them. `below`: the page after the record of that number,
        whatever `page` says."""
        self.chain()
        numbers = self._listing.numbers(wanted, caller)
        start = (page - 1) * page_size
        if below is not None:
            start = bisect_right(numbers, -below, key=operator.neg)
        return self._listing.page(numbers, start, page_size)

    def entries_of(self, schedule_id: str) -> Iterator[Entry]:
        """What was recorded of a schedule until now, the newest first; what cannot be read is left
        out. Records that are in files only are not among it."""
        self.chain()
        for record in self._listing.walk(Wanted(schedule_id=schedule_id), ENGINE):
            try:
                yield record.entry()
            except (LookupError, ValueError, TypeError):
                continue  # `verify` tells people of it

    def record(self, number: int) -> Record | None:
        """One record; None if there is none in the table."""
        return self._table.record(number)

    def verify(self, check: Callable[[], None] = lambda: None) -> Verified:
        """Walk the whole chain and its anchors."""
        return Walk(self._table, self._anchors, check).whole()

    def upkeep(self, job: JobContext) -> Mapping[str, object]:
        """Chain what is pending; once a day anchor the chain, and archive old records
        (`upkeep.AuditUpkeep.upkeep`)."""
        now = job.clock.now()
        if not self._locks.take(_LOCK, job.job_id, now, now + _HELD):
            return {"chained": 0, "anchored": None, "archived": 0, "busy": True}
        try:
            chained = self.chain(job.check)
            anchored = self._anchor(Caller.of_task("audit_upkeep"), now, job.check)
            archived = self._archive(now, job.check) if anchored is not None else 0
        finally:
            self._locks.release(_LOCK, job.job_id)
        return {"chained": chained, "anchored": anchored, "archived": archived}

    def watch(self, job: JobContext) -> Mapping[str, object]:
        """Verify, and tell people if something is wrong (`upkeep.AuditUpkeep.watch`)."""
        found = self.verify(job.check)
        for one in found.findings:
            job.log(one.text, level=logging.ERROR, wrong=one.wrong.value, record=one.number)
        if not found.good:
            first = found.findings[0]
            event(
                _logger,
                Event.AUDIT_BROKEN,
                level=logging.ERROR,
                findings=found.wrong,
                first=first.text,
            )
            text = f"{found.wrong} findings; the first: {first.text}"
            self._alerts().open(AlertKind.AUDIT_BROKEN, _ABOUT, text, level=found.wrong)
            raise Damaged(f"the audit's chain is broken: {text}")
        self._alerts().close(AlertKind.AUDIT_BROKEN, _ABOUT, "The chain and its anchors fit again.")
        return {"records": found.records, "archived": found.archived, "anchors": found.anchors}

    def _resumed(self) -> Head:
        """The head that the last anchor knows: the table may have been lost."""
        last = self._anchors.last()
        return Head() if last is None else last.head

    def _anchor(self, by: Caller, now: datetime, check: Callable[[], None]) -> str | None:
        """Anchor the head, unless that was done today; the anchor's blob. The chain tells of it."""
        stored = self._table.stored()
        if stored is None:
            return None
        made = self._anchors.make(stored.head, now, check)
        if made is None:
            return None
        after = {"number": made.head.number, "hash": made.head.digest, "sha256": made.sha256}
        entry = Entry.of(by, Action.ANCHOR, Subject("anchor", made.name), now, after=after)
        pending.write(self._table.table, PENDING, entry)
        self.chain(check)
        return made.name

    def _archive(self, now: datetime, check: Callable[[], None]) -> int:
        """Remove the rows of records that are older than `keep_days`, once their files were read
        back and compared; up to which record."""
        stored = self._table.stored()
        if stored is None:
            return 0
        until = stored.archived
        for name in self._anchors.names():
            anchor = self._anchors.read(name)
            if anchor.at > now - self._keep:
                break
            if anchor.head.number <= stored.archived:
                continue
            for one in anchor.files:
                check()
                there = self._table.records(one.first - 1, one.last)
                if [*self._anchors.records(one)] != [*there]:
                    raise Damaged(f"{one.name} has other records than the audit's table")
            until = anchor.head.number
        if until > stored.archived and not self._table.archive(stored, until):
            return stored.archived  # somebody appended meanwhile; the next run does it
        if until > stored.archived:
            event(_logger, Event.AUDIT_ARCHIVED, until=until)
        self._table.remove(until)
        return until
