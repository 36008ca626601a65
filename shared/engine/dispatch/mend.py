"""Repairs what an instance with a clock that was ahead, or another version of the app, wrote.

The evidence is facts whose times are in the future (`facts.future`). They are corrected last, so
that the next tick repeats a pass that was interrupted. `schedules.mend` decides what each schedule
needs. Some things cannot be repaired: runs that took place, what people changed through that
instance, and notifications whose next attempt it postponed.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from shared.engine.dispatch import facts
from shared.engine.dispatch.alarm import Alarm
from shared.engine.dispatch.facts import BEAT, KNOWN, PAUSE, SWEPT, UP, Facts, Pause
from shared.engine.dispatch.tick import messages
from shared.engine.work.limits import LIMIT
from shared.errors import Damaged
from shared.log import Event, event
from shared.log import instant as written
from shared.schedules.mend import Mended, is_suspect, mended
from shared.schedules.model import LiveJob, Schedule
from shared.storage.queues.jobs import JobQueue
from shared.storage.tables import readable
from shared.storage.tables.changes import Change
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.facts import Meta
from shared.storage.tables.handed import HandedOut
from shared.storage.tables.job_feed import JobFeed
from shared.storage.tables.locks import Locks
from shared.storage.tables.schedules import ScheduleTable

_logger = logging.getLogger("belfry.clocks")

_ALONE = timedelta(minutes=5)
_AT_ONCE = 4
_BATCH = 100
_STEPS = 10_000
_SECOND = timedelta(seconds=1)
_LONG_AGO = timedelta(days=1)


@dataclass(slots=True)
class _Done:
    """What one schedule needed."""

    again: int = 0
    """Occurrences that are expected again."""
    freed: int = 0
    """Jobs whose lease or wait was too long."""


class Mender:
    """The mender, bound to its stores."""

    def __init__(
        self,
        *,
        table: ScheduleTable,
        queue: JobQueue,
        handed: HandedOut,
        feed: JobFeed,
        meta: Meta,
        locks: Locks,
        alarm: Alarm,
        lease: timedelta,
    ) -> None:
        self._table = table
        self._queue = queue
        self._handed = handed
        self._feed = feed
        self._meta = meta
        self._locks = locks
        self._alarm = alarm
        self._lease = lease

    def mend(self, found: Facts, now: datetime) -> bool:
        """Repair everything, if some facts are in the future and no other instance is repairing.
        Returns whether it did; what is due may then have changed."""
        wrong = facts.future(found, now)
        if not wrong:
            return False
        holder = secrets.token_hex(6)
        if not self._locks.take("mend", holder, now, now + _ALONE):
            return False
        try:
            total = self._schedules(now)
            self._locks.shorten(LIMIT, now + self._lease, now + self._lease)
            self._locks.shorten("shard:", now + _ALONE, now)
            self._handed.bring_forward(now + _ALONE, now)
            self._facts(found, wrong, now)
        finally:
            self._locks.release("mend", holder)
        self._tell(wrong, total, now)
        return True

    def _schedules(self, now: datetime) -> _Done:
        total = _Done()
        suspects = (one for one in self._table.schedules() if is_suspect(one, now, self._lease))
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="mend") as pool:
            while some := list(islice(suspects, _BATCH)):
                for done in pool.map(lambda one: self._schedule(one, now), some):
                    total.again += done.again
                    total.freed += done.freed
        return total

    def _schedule(self, schedule: Schedule, now: datetime) -> _Done:
        """Mend a schedule step by step, deciding each step anew from what is stored."""
        done = _Done()
        for _ in range(_STEPS):
            if not compare_and_set(schedule.id, partial(self._stepped, schedule.id, now, done)):
                break
        return done

    def _stepped(self, schedule_id: str, now: datetime, done: _Done) -> bool | None:
        """Make the schedule's next step, and count it; False if it needs none."""
        one = self._table.get(schedule_id)
        step = None if one is None else self._step(one, now)
        if step is None:
            return False
        if not self._make(step, now):
            return None
        done.again += step.again
        done.freed += len(step.send) - sum(job.id in step.gone for job in step.send)
        return True

    def _step(self, schedule: Schedule, now: datetime) -> Mended | None:
        ended = self._table.jobs(schedule.id, since=now)
        own = [job for job in ended if job.due_at > now and not job.manual]
        if (across := self._table.stretch(schedule.id, now)) is not None:
            own.append(across)
        try:
            versions = self._table.versions(schedule.id)
        except (ValueError, KeyError, TypeError) as error:
            readable.tell(schedule.id, Damaged(f"a row of its versions: {error!r:.200}"))
            return None
        return mended(schedule, own, versions, now, self._lease)

    def _make(self, step: Mended, now: datetime) -> bool:
        """Enqueue first, commit second."""
        jobs = [(step.after, _seen_when_it_matters(job)) for job in step.send]
        if jobs:
            self._handed.note([(job.id, job.available_at) for _, job in jobs], now)
        for at, message in messages(jobs, now):
            self._queue.send(message, at)
        change = Change(
            step.before,
            step.after,
            shortened=step.shortened,
            versions=step.versions,
            gone=step.gone,
            ended=step.ended,
        )
        if not (step.gone or step.shortened):
            return self._table.commit([change])[0]
        self._feed.drop()  # before and after, since the index may be built anew in between
        made = self._table.commit([change])[0]
        self._feed.drop()
        return made

    def _facts(self, found: Facts, wrong: Mapping[str, datetime], now: datetime) -> None:
        """Correct the facts, except that of the queue clock, which the next tick revives."""
        right = {UP: now.isoformat(), PAUSE: Pause(now, settled=True).text()}
        for key in wrong:
            if key.startswith(BEAT):
                self._meta.put(key, now.isoformat())
            elif key in right:
                self._meta.put(key, right[key])
            elif key == SWEPT:
                self._meta.swap(SWEPT, found.swept, (now - _LONG_AGO).isoformat())
            elif key == KNOWN:
                known = facts.believed(found, now).known
                self._meta.swap(KNOWN, self._meta.fact(KNOWN), facts.written(known))

    def _tell(self, wrong: Mapping[str, datetime], total: _Done, now: datetime) -> None:
        seconds = round((max(wrong.values()) - now).total_seconds())
        event(
            _logger,
            Event.CLOCK_WAS_WRONG,
            level=logging.ERROR,
            seconds=seconds,
            rows=" ".join(sorted(wrong)),
            expected_again=total.again,
            freed=total.freed,
        )
        self._alarm.of_wrong_clock(
            key=f"clock_was_wrong:{now:%Y-%m-%dT%H}",
            text=f"An instance of the app went by a clock that was {seconds} seconds ahead: what "
            f"it wrote lies after {written(now, 'seconds')}, the time when that was found. It was "
            f"put right: {total.again} runs that it had recorded as missed or skipped are to come "
            f"again, and {total.freed} jobs that it held are free. What it did run, or what "
            "people changed through it, stays. This version of the app goes by the storage's "
            "time: look for an instance of another version, or for an emulator of the storage on a "
            "machine whose clock was set.",
        )


def _seen_when_it_matters(job: LiveJob) -> LiveJob:
    """The job, for a message that becomes visible when the job may start or, if a worker holds it,
    when its lease has ended."""
    return job if job.lease_until is None else replace(job, available_at=job.lease_until + _SECOND)
