"""Sends messages again for jobs that nobody took up because their message was lost.

If a host is killed, the messages that it had received stay invisible for ten minutes, and storage
does not show them. But the rows show such a job: it is handed out and due, no message waits in its
queue, and either no worker has begun it, or its lease ended some seconds ago.

Code that hands out jobs leaves a note (`storage.handed`) that says which schedules to check, and
from when on. Each tick checks the schedules whose time has come: one by one if they are few, else
by a query over all schedules that returns only the rows that matter. So a tick that finds no note
reads no schedule. Every five minutes a sweep goes over all schedules, for jobs that no note names.
When the lease of a job has ended, the sweep checks once whether the job has ended too.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

from shared.engine.dispatch import facts
from shared.engine.dispatch.tick import JOBS_OF_A_MESSAGE
from shared.engine.work.limits import Limits
from shared.log import Event, event
from shared.schedules.job import parse_id
from shared.schedules.lost import OVERDUE, expected_at, lost
from shared.schedules.model import Schedule
from shared.storage.queues.jobs import JobQueue, Message
from shared.storage.tables.facts import Fact, Meta
from shared.storage.tables.handed import FEW, HandedOut, Note
from shared.storage.tables.schedules import ScheduleTable

ROW = facts.SWEPT
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


@dataclass(frozen=True, slots=True)
class _Swept:
    """What the row says of earlier sweeps."""

    at: datetime
    """When the last one ended."""
    whole: datetime
    """For every lease that ended before this, it is known whether its job ended: from a sweep over
    all schedules, or from notes."""
    begun: datetime | None = None
    """When a sweep began that has not ended, and may never end."""

    def text(self) -> str:
        begun = self.begun.isoformat() if self.begun is not None else None
        said = {"at": self.at.isoformat(), "whole": self.whole.isoformat(), "begun": begun}
        return json.dumps(said)


def _read(fact: Fact | None, now: datetime) -> _Swept:
    """What the row says. If it cannot be read, or a clock that was ahead wrote it, it counts as if
    there had been no sweep for a long time."""
    try:
        said = json.loads(fact.value) if fact is not None else {}
        begun = said["begun"]
        swept = _Swept(
            datetime.fromisoformat(said["at"]),
            datetime.fromisoformat(said["whole"]),
            datetime.fromisoformat(begun) if begun is not None else None,
        )
        if max(swept.at, swept.begun or swept.at) <= now + _PAUSE:
            return swept
    except (ValueError, LookupError, TypeError, AttributeError):
        pass  # nobody knows what was done
    return _Swept(now - _LONGEST, _EVER)


@dataclass(frozen=True, slots=True)
class _Again:
    """A schedule that must be checked again."""

    at: datetime
    job_id: str
    """One of its jobs that have not ended."""
    named: bool
    """Whether its note must name it: its lease ended, and the next full sweep asks only for leases
    that ended later."""


@dataclass(slots=True)
class _Found:
    """What a sweep found."""

    lost: dict[bool, list[str]] = field(default_factory=lambda: {False: [], True: []})
    """Jobs with no message on its way, by whether they are long."""
    again: list[_Again] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    """Jobs that are committed."""


class Sweep:
    """The sweep, bound to its stores. `hand_out` ticks one schedule."""

    def __init__(
        self,
        table: ScheduleTable,
        queue: JobQueue,
        limits: Limits,
        meta: Meta,
        handed: HandedOut,
        hand_out: Callable[[str, datetime], object],
    ) -> None:
        self._table = table
        self._queue = queue
        self._limits = limits
        self._meta = meta
        self._handed = handed
        self._hand_out = hand_out

    def sweep_if_needed(self, fact: Fact | None, now: datetime) -> int | None:
        """Sweep, if it is time and no other instance does; how many messages were sent, or None if
        it did not sweep. `fact`: the row `ROW` as it was read."""
        before = _read(fact, now)
        if now - max(before.at, before.begun or before.at) < _PAUSE:
            return None
        notes = self._handed.due(now - OVERDUE)
        if not notes and now - before.whole < _LONGEST:
            return None
        kinds = [long for long in (False, True) if self._queue.backlog(long, now) <= _IN_LINE]
        claimed = replace(before, begun=now)
        if not kinds or not self._meta.swap(ROW, fact, claimed.text()):
            return None
        sent, whole = self._sweep(before, notes, kinds, now)
        self._meta.put(ROW, _Swept(now, now - OVERDUE if whole else before.whole).text())
        event(_logger, Event.SWEEP_DONE, sent=sent)
        return sent

    def sweep(self, now: datetime) -> int:
        """Sweep now, even if the last sweep was just before; how many messages were sent."""
        return self._sweep(_read(None, now), [], [False, True], now)[0]

    def _sweep(
        self, before: _Swept, notes: Sequence[Note], kinds: Sequence[bool], now: datetime
    ) -> tuple[int, bool]:
        """(how many messages were sent, whether every schedule was read)."""
        ids = {parse_id(job_id)[0] for note in notes for job_id in note.ids or ()}
        whole = len(ids) > FEW or any(note.ids is None for note in notes)
        whole |= now - before.whole >= _LONGEST
        found = _Found()
        if whole:
            for schedule in self._table.overdue(now - OVERDUE, before.whole):
                ids.discard(schedule.id)
                if schedule.owes(now - _FORGOTTEN):
                    self._hand_out(schedule.id, now)
                self._look(schedule, kinds, found, now)
        for schedule in self._table.many(ids).values():
            self._look(schedule, kinds, found, now)
        sent = sum(self._send(ids, long, now) for long, ids in found.lost.items())
        still = self._open(notes, found.seen, now)
        done = [note for note in notes if note not in still]
        self._handed.replace(done, _notes(found.again, now))
        return sent, whole

    def _open(self, notes: Sequence[Note], seen: set[str], now: datetime) -> list[Note]:
        """The notes whose jobs may still be committed."""
        young = [note for note in notes if now - OVERDUE < note.until]
        asked = {job_id for note in young for job_id in note.ids or ()} - seen
        unseen = asked - self._table.ended(asked).keys()
        return [note for note in young if note.ids is None or not unseen.isdisjoint(note.ids)]

    def _look(
        self, schedule: Schedule, kinds: Sequence[bool], found: _Found, now: datetime
    ) -> None:
        live = schedule.progress.live
        found.seen |= {job.id for job in live}
        late = {job.id for job in live if expected_at(job) + OVERDUE <= now}
        done = self._table.ended(job.id for job in live if job.begun) if late else {}
        left = [job for job in live if job.id not in done]
        if left:
            first = min(left, key=expected_at)
            ended = any(job.lease_until is not None and job.id in late for job in left)
            found.again.append(_Again(max(now, expected_at(first)), first.id, ended))
        if late and schedule.is_long in kinds and not self._limits.full(schedule, now):
            found.lost[schedule.is_long] += lost(schedule, done, now)

    def _send(self, job_ids: Iterable[str], long: bool, now: datetime) -> int:
        """Send messages that name the jobs; how many."""
        ids = list(job_ids)
        most = 1 if long else JOBS_OF_A_MESSAGE
        parts = [ids[start : start + most] for start in range(0, len(ids), most)]
        for part in parts:
            self._queue.send(Message(tuple(part), now, long=long), now)
        return len(parts)


def _notes(again: Iterable[_Again], now: datetime) -> Iterator[Note]:
    """Notes of the schedules to check again: one for each of the next minutes, and as many as are
    needed for the jobs that must be named."""

    def minute(one: _Again) -> tuple[int, bool]:
        return min(int((one.at - now) / _MINUTE), _FAR), one.named

    for (_, named), some in groupby(sorted(again, key=minute), minute):
        jobs = [(one.job_id, one.at) for one in some]
        size = FEW if named else len(jobs)
        for start in range(0, len(jobs), size):
            yield replace(Note.of(jobs[start : start + size], now), until=now)
