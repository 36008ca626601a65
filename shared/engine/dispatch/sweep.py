"""Finds jobs whose message was lost, sends it again, and files jobs that have ended.

If a host is killed, the messages that it had received stay invisible for ten minutes, and storage
does not show them. But the rows show such a job: it is handed out and due, no message waits in its
queue, and either no worker has begun it, or its lease ended some seconds ago.

Every job is named in a note (`storage.handed`), which says from when on to check it. Each tick
checks the jobs whose time has come. Those that have ended are filed for the index of jobs
(`job_feed`), for those that have not a new note is written, and the old one goes. So a tick that
finds no note reads no schedule.

Every five minutes the sweep also reads the next `SLICE` schedules of all, in a round, as a net: for
jobs that no note names, and for occurrences whose entry in the due index was lost.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

from shared.engine.dispatch import facts
from shared.engine.dispatch.tick import JOBS_OF_A_MESSAGE
from shared.engine.work.limits import Limits
from shared.jobs.entry import Entry
from shared.log import Event, event
from shared.schedules.job import Job, parse_id
from shared.schedules.lost import OVERDUE, expected_at, lost
from shared.schedules.model import Schedule
from shared.storage.queues.jobs import JobQueue, Message
from shared.storage.tables.facts import Fact, Meta
from shared.storage.tables.handed import HandedOut, Note, notes_of
from shared.storage.tables.job_feed import JobFeed
from shared.storage.tables.schedules import Place, ScheduleTable

ROW = facts.SWEPT
SLICE = 5_000
"""How many schedules of all are read at once, every five minutes: five requests."""
_PAUSE = timedelta(seconds=5)
_LONGEST = timedelta(minutes=5)
_IN_LINE = timedelta(seconds=5)
"""If a visible message was not received for this long, messages are waiting for a worker."""
_FORGOTTEN = timedelta(minutes=2)
"""If an occurrence is owed for this long, its entry in the due index was lost."""
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_FAR = 5
"""Minutes from now. All jobs that need a check later than that share a note."""

_logger = logging.getLogger("belfry.clocks")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Swept:
    """What the row says of earlier sweeps."""

    at: datetime
    """When the last one ended."""
    read: datetime
    """When schedules were last read in the round over all of them."""
    begun: datetime | None = None
    """When a sweep began that has not ended, and may never end."""
    place: Place | None = None
    """How far the round has come; None: it is at its beginning."""
    round: datetime = _EVER
    """When it began."""
    leased: datetime = _EVER
    """When the round before began: it has seen every lease that had ended by then."""

    def text(self) -> str:
        begun = self.begun.isoformat() if self.begun is not None else None
        return json.dumps(
            {
                "at": self.at.isoformat(),
                "read": self.read.isoformat(),
                "begun": begun,
                "place": self.place,
                "round": self.round.isoformat(),
                "leased": self.leased.isoformat(),
            }
        )


def _read(fact: Fact | None, now: datetime) -> _Swept:
    """What the row says. If it cannot be read, or a clock that was ahead wrote it, it counts as if
    there had been no sweep for a long time."""
    try:
        said = json.loads(fact.value) if fact is not None else {}
        begun, place = said["begun"], said["place"]
        swept = _Swept(
            at=datetime.fromisoformat(said["at"]),
            read=datetime.fromisoformat(said["read"]),
            begun=datetime.fromisoformat(begun) if begun is not None else None,
            place=Place(*place) if place is not None else None,
            round=datetime.fromisoformat(said["round"]),
            leased=datetime.fromisoformat(said["leased"]),
        )
        if max(swept.at, swept.read, swept.begun or swept.at) <= now + _PAUSE:
            return swept
    except (ValueError, LookupError, TypeError, AttributeError):
        pass  # nobody knows what was done
    return _Swept(at=now - _LONGEST, read=_EVER)


@dataclass(slots=True)
class _Found:
    """What a sweep found."""

    lost: dict[bool, list[str]] = field(default_factory=lambda: {False: [], True: []})
    """Jobs with no message on its way, by whether they are long."""
    again: dict[str, datetime] = field(default_factory=dict)
    """Jobs that have not ended, and when each must be checked again."""
    uncommitted: list[Note] = field(default_factory=list)
    """Notes of jobs that are in no row, but may be soon."""
    ended: dict[str, Job] = field(default_factory=dict)


class Sweep:
    """The sweep, bound to its stores. `hand_out` ticks one schedule."""

    def __init__(
        self,
        table: ScheduleTable,
        queue: JobQueue,
        limits: Limits,
        meta: Meta,
        handed: HandedOut,
        feed: JobFeed,
        hand_out: Callable[[str, datetime], object],
    ) -> None:
        self._table = table
        self._queue = queue
        self._limits = limits
        self._meta = meta
        self._handed = handed
        self._feed = feed
        self._hand_out = hand_out

    def sweep_if_needed(self, fact: Fact | None, now: datetime) -> int | None:
        """Sweep, if it is time and no other instance does; how many messages were sent, or None if
        it did not sweep. `fact`: the row `ROW` as it was read."""
        before = _read(fact, now)
        if now - max(before.at, before.begun or before.at) < _PAUSE:
            return None
        notes = self._handed.due(now - OVERDUE)
        if not notes and now - before.read < _LONGEST:
            return None
        claimed = replace(before, begun=now)
        if not self._meta.swap(ROW, fact, claimed.text()):
            return None
        kinds = [long for long in (False, True) if self._queue.backlog(long, now) <= _IN_LINE]
        sent, after = self._sweep(before, notes, kinds, now)
        self._meta.put(ROW, replace(after, at=now, begun=None).text())
        event(_logger, Event.SWEEP_DONE, sent=sent)
        return sent

    def sweep(self, now: datetime) -> int:
        """Check all schedules now, even if the last sweep was just before; how many messages were
        sent."""
        unread = Note(at=now, ids=None, until=now)
        return self._sweep(_read(None, now), [unread], [False, True], now)[0]

    def _sweep(
        self, before: _Swept, notes: Sequence[Note], kinds: Sequence[bool], now: datetime
    ) -> tuple[int, _Swept]:
        """(how many messages were sent, what the row is to say)."""
        found = _Found()
        after = self._round(before, notes, kinds, found, now)
        self._named(notes, kinds, found, now)
        sent = sum(self._send(ids, long, now) for long, ids in found.lost.items())
        self._feed.file(map(Entry.of, found.ended.values()), now)
        self._handed.write([*_notes(found.again, now), *found.uncommitted])
        self._handed.remove(note for note in notes if note.key)
        return sent, after

    def _named(
        self, notes: Sequence[Note], kinds: Sequence[bool], found: _Found, now: datetime
    ) -> None:
        """Check the jobs that the notes name.

        The row of a job is read after that of its schedule, so it is found while it ends. One that
        is in neither may be committed later, until its note says that it never will.
        """
        named = {job_id for note in notes for job_id in note.ids or ()}
        schedules = self._table.many({parse_id(job_id)[0] for job_id in named})
        jobs = [job for one in schedules.values() for job in one.progress.live]
        waiting = {job.id for job in jobs if not job.begun}
        found.ended |= self._table.ended(named - waiting)
        for schedule in schedules.values():
            self._look(schedule, kinds, found, now, named)
        missing = named - {job.id for job in jobs} - found.ended.keys()
        for note in notes:
            young = [job_id for job_id in note.ids or () if job_id in missing]
            if young and now - OVERDUE < note.until:
                found.uncommitted.append(Note(at=now, ids=tuple(young), until=note.until))

    def _round(
        self,
        before: _Swept,
        notes: Sequence[Note],
        kinds: Sequence[bool],
        found: _Found,
        now: datetime,
    ) -> _Swept:
        """Read the next schedules of the round over all, if it is time. If a note cannot be read,
        nobody knows which jobs it named, so a whole round is made at once."""
        unread = any(note.ids is None for note in notes)
        if not unread and now - before.read < _LONGEST:
            return before
        if unread:
            before = replace(before, place=None, leased=_EVER)
        begins = now if before.place is None else before.round
        place = before.place
        named: set[str] | None = None
        while True:
            ids, place = self._table.suspects(place, SLICE, now - OVERDUE, before.leased - OVERDUE)
            for schedule in self._table.many(ids).values():
                if named is None:
                    named = {one for note in self._handed.all() for one in note.ids or ()}
                self._unnamed(schedule, named, kinds, found, now)
            if place is None or not unread:
                break
        if place is None:
            return replace(before, read=now, place=None, round=begins, leased=begins)
        return replace(before, read=now, place=place, round=begins)

    def _unnamed(
        self,
        schedule: Schedule,
        named: Collection[str],
        kinds: Sequence[bool],
        found: _Found,
        now: datetime,
    ) -> None:
        """Check a schedule of the round. Of its jobs that no note names, those that have ended are
        filed, and the others are noted."""
        if schedule.owes(now - _FORGOTTEN):
            self._hand_out(schedule.id, now)
        unnamed = [job.id for job in schedule.progress.live if job.id not in named]
        found.ended |= self._table.ended(unnamed)
        self._look(schedule, kinds, found, now, unnamed)

    def _look(
        self,
        schedule: Schedule,
        kinds: Sequence[bool],
        found: _Found,
        now: datetime,
        noted: Collection[str],
    ) -> None:
        """Find the schedule's jobs that have no message. Those of `noted` are checked again, unless
        they have ended."""
        live = schedule.progress.live
        late = {job.id for job in live if expected_at(job) + OVERDUE <= now}
        unknown = {job.id for job in live if job.begun and late and job.id not in noted}
        done = self._table.ended(unknown)
        done |= {job.id: found.ended[job.id] for job in live if job.id in found.ended}
        for job in live:
            if job.id in noted and job.id not in done:
                found.again[job.id] = max(now, expected_at(job))
        if late and schedule.is_long in kinds and not self._limits.full(schedule, now):
            missing = lost(schedule, done, now)
            found.lost[schedule.is_long] += (
                job_id for job_id in missing if job_id not in found.lost[schedule.is_long]
            )

    def _send(self, job_ids: Iterable[str], long: bool, now: datetime) -> int:
        """Send messages that name the jobs; how many."""
        ids = list(job_ids)
        most = 1 if long else JOBS_OF_A_MESSAGE
        parts = [ids[start : start + most] for start in range(0, len(ids), most)]
        for part in parts:
            self._queue.send(Message(tuple(part), now, long=long), now)
        return len(parts)


def _notes(again: dict[str, datetime], now: datetime) -> Iterator[Note]:
    """Notes of the jobs to check again, apart for each of the next minutes."""

    def minute(job: tuple[str, datetime]) -> int:
        return min(int((job[1] - now) / _MINUTE), _FAR)

    for _, some in groupby(sorted(again.items(), key=lambda job: job[1]), minute):
        yield from notes_of(list(some), now, now)
