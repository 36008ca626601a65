"""Sends messages again for jobs that nobody took up: theirs was lost.

A host that is killed keeps what it had received hidden for ten minutes, and nothing can be asked of
its messages. But the rows tell: a job that is handed out and due, in the queue of which nothing
waits in line, and that nobody has begun, or whose lease ended seconds ago. So while there are
messages that cannot be seen, each tick looks at the rows; else one does every five minutes,
for a queue that was emptied by hand and an entry that the due index lost.

A sweep reads every shard, but is told only the rows that it asks for. Of each job that was begun it
looks once whether it ended, when its lease has: what needed a message then is looked at again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.engine import facts
from shared.engine.limits import Limits
from shared.engine.tick import JOBS_OF_A_MESSAGE
from shared.log import Event, event
from shared.schedules.lost import OVERDUE, lost
from shared.schedules.model import Schedule
from shared.storage.meta import Fact, Meta
from shared.storage.queue import JobQueue, Message
from shared.storage.schedules import ScheduleTable

ROW = facts.SWEPT
_PAUSE = timedelta(seconds=5)
_LONGEST = timedelta(minutes=5)
_IN_LINE = timedelta(seconds=5)
"""A message that can be received and was not for so long waits for a worker, and so do others."""
_FORGOTTEN = timedelta(minutes=2)
"""An occurrence that is owed for so long was lost by the due index."""
_KEPT = 500
"""Schedules to be looked at again, that a row has room for."""
_FIRST = timedelta(hours=1)
"""How far back the first sweep of all looks for leases that ended."""

_logger = logging.getLogger("belfry.clocks")


@dataclass(frozen=True, slots=True)
class _Swept:
    """What the row says of the sweeps before."""

    at: datetime
    """When the last one ended."""
    leases: datetime
    """Leases that ended before were looked at."""
    again: tuple[str, ...] = ()
    """Schedules to be looked at again."""
    begun: datetime | None = None
    """When one began that has not ended, and may never."""

    def text(self) -> str:
        begun = self.begun.isoformat() if self.begun is not None else None
        said = {"at": self.at.isoformat(), "leases": self.leases.isoformat(), "begun": begun}
        return json.dumps(said | {"again": self.again})


def _read(fact: Fact | None, now: datetime) -> _Swept:
    """What the row says; if it cannot be read, or was written by a clock that was ahead, as if
    there had been no sweep for long."""
    try:
        said = json.loads(fact.value) if fact is not None else {}
        begun = said["begun"]
        swept = _Swept(
            datetime.fromisoformat(said["at"]),
            datetime.fromisoformat(said["leases"]),
            tuple(said["again"]),
            datetime.fromisoformat(begun) if begun is not None else None,
        )
        if max(swept.at, swept.begun or swept.at) <= now + _PAUSE:
            return swept
    except (ValueError, LookupError, TypeError, AttributeError):
        pass  # nobody can tell what was done
    return _Swept(now - _LONGEST, now - _FIRST)


class Sweep:
    """The sweep, bound to its stores. `hand_out` ticks one schedule."""

    def __init__(
        self,
        table: ScheduleTable,
        queue: JobQueue,
        limits: Limits,
        meta: Meta,
        hand_out: Callable[[str, datetime], object],
    ) -> None:
        self._table = table
        self._queue = queue
        self._limits = limits
        self._meta = meta
        self._hand_out = hand_out

    def sweep_if_needed(self, fact: Fact | None, now: datetime) -> int | None:
        """Sweep if it is time and nobody else does; how many messages were sent. `fact`: the row
        `ROW` as it was read."""
        before = _read(fact, now)
        lately = max(before.at, before.begun or before.at)
        if now - lately < _PAUSE:
            return None
        kinds = [long for long in (False, True) if self._may_be_lost(long, before, now)]
        claimed = replace(before, begun=now)
        if not kinds or not self._meta.swap(ROW, fact, claimed.text()):
            return None
        sent, again = self._sweep(before, kinds, now)
        whole = len(again) <= _KEPT
        done = _Swept(now, now - OVERDUE if whole else before.leases, tuple(again[:_KEPT]))
        self._meta.put(ROW, done.text())
        event(_logger, Event.SWEEP_DONE, sent=sent)
        return sent

    def sweep(self, now: datetime) -> int:
        """Sweep now, whatever was done before; how many messages were sent."""
        return self._sweep(_read(None, now), [False, True], now)[0]

    def _may_be_lost(self, long: bool, before: _Swept, now: datetime) -> bool:
        """Whether jobs of that kind may have lost their message."""
        waits = self._queue.backlog(long, now)
        if waits is None:
            return now - before.at >= _LONGEST
        return waits <= _IN_LINE

    def _sweep(self, before: _Swept, kinds: list[bool], now: datetime) -> tuple[int, list[str]]:
        """(how many messages were sent, the schedules to look at again)."""
        again: list[str] = []
        missing: dict[bool, list[str]] = {False: [], True: []}
        for schedule in self._suspects(before, now):
            if schedule.owes(now - _FORGOTTEN):
                self._hand_out(schedule.id, now)
            if schedule.is_long not in kinds:
                again.append(schedule.id)
                continue
            done = self._table.ended(job.id for job in schedule.progress.live if job.begun)
            found = lost(schedule, done, now)
            if found and not self._limits.full(schedule, now):
                missing[schedule.is_long] += found
                again.append(schedule.id)
        return sum(self._send(ids, long, now) for long, ids in missing.items()), again

    def _suspects(self, before: _Swept, now: datetime) -> Iterator[Schedule]:
        """Each schedule of which something should have happened, once."""
        by = now - OVERDUE
        seen: set[str] = set()
        for schedule in self._table.overdue(by, (before.leases, by)):
            seen.add(schedule.id)
            yield schedule
        yield from self._table.many(set(before.again) - seen).values()

    def _send(self, job_ids: Iterable[str], long: bool, now: datetime) -> int:
        """Send messages that name the jobs; how many."""
        ids = list(job_ids)
        most = 1 if long else JOBS_OF_A_MESSAGE
        parts = [ids[start : start + most] for start in range(0, len(ids), most)]
        for part in parts:
            self._queue.send(Message(tuple(part), now, long=long), now)
        return len(parts)
