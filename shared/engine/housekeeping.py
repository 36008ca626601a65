"""The engine's services to the tasks that maintain Belfry itself (`port.Housekeeping`)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.access import Caller
from shared.audit.port import Action
from shared.engine.commands.schedules import Manager
from shared.engine.dispatch.clocks import Clocks
from shared.engine.dispatch.health import Silent
from shared.engine.records.job_packing import JobPacking
from shared.engine.records.reconcile import Ledger
from shared.engine.work.pacer import Pacer
from shared.errors import Conflict, NotFound, Unexplained
from shared.listing.checking import Checking
from shared.listing.upkeep import Upkeep
from shared.log import Event, event
from shared.schedules.model import Schedule
from shared.storage.tables.answers import Answers
from shared.storage.tables.schedules import ScheduleTable
from shared.tasks import JobContext

_logger = logging.getLogger("belfry.operations")

_DAY = timedelta(hours=24)
_LISTED = 100
"""The most ids that a result names."""


class Housekeeper:
    """The housekeeping, bound to what it works on."""

    def __init__(
        self,
        table: ScheduleTable,
        answers: Answers,
        manager: Manager,
        ledger: Ledger,
        clocks: Clocks,
        packing: JobPacking,
        upkeep: Upkeep,
        checking: Checking,
        pacer: Pacer,
    ) -> None:
        self._table = table
        self._answers = answers
        self._manager = manager
        self._ledger = ledger
        self._clocks = clocks
        self._packing = packing
        self._upkeep = upkeep
        self._checking = checking
        self._pacer = pacer

    def health(self, job: JobContext) -> Mapping[str, object]:
        """Look for clocks that fell silent, and report those that were not reported yet."""
        schedule = self._table.get(job.schedule_id)
        own = schedule is not None and schedule.configured != ""
        silent = self._clocks.watch(job.schedule_id if own else None)
        now = job.clock.now()
        return {"silent": [_shown(one, now) for one in silent]}

    def cleanup(self, job: JobContext) -> Mapping[str, object]:
        """Turn off schedules past their end (C14). Their history stays. A dry run names them.

        What requests with a key of their own were answered is forgotten a day later.
        """
        at = job.due_at
        past = (one for one in self._table.expired(at) if _expired(one, at))
        disabled = [one.id for one in past if job.dry_run or self._expire(one, at)]
        if not job.dry_run:
            self._tell_cleanup(job, disabled)
            self._answers.forget_before(at - _DAY)
        return {"disabled": len(disabled), "schedules": disabled[:_LISTED]}

    def _tell_cleanup(self, job: JobContext, disabled: Sequence[str]) -> None:
        event(
            _logger,
            Event.CLEANUP_DONE,
            schedule_id=job.schedule_id,
            job_id=job.job_id,
            disabled=len(disabled),
        )

    def keep_index(self, job: JobContext) -> Mapping[str, object]:
        """Fold what changed into the snapshots of the index of schedules (`listing.upkeep`), and
        pack the jobs that ended into the index of jobs (`records.job_packing`). Backfills are moved
        on whose last worker was killed."""
        backfills = self._pacer.upkeep(job.check)
        schedules = self._upkeep.run(job.check)
        jobs = self._packing.pack(job.check)
        return {"schedules": schedules.result(), "jobs": jobs.result(), "backfills": backfills}

    def reconcile(self, job: JobContext) -> Mapping[str, object]:
        """Account for what all schedules were to run lately (`records.reconcile`), and check a part
        of the index of schedules (`listing.checking`)."""
        checked = self._checking.slice(job.check)
        made = self._ledger.reconcile(job.check)
        job.log(str(made))
        if not made.good:
            raise Unexplained(str(made))
        return {**made.result(), "index": checked.result()}

    def _expire(self, schedule: Schedule, now: datetime) -> bool:
        """Turn it off; False if it was changed meanwhile."""

        def off(one: Schedule) -> Schedule:
            if not _expired(one, now):
                raise Conflict(f"{one.id} was changed meanwhile")
            return replace(one, definition=replace(one.definition, enabled=False))

        try:
            by = Caller.of_task("schedule_cleanup")
            self._manager.change(schedule.id, off, by=by, action=Action.DISABLE)
        except (Conflict, NotFound):
            return False  # a person was faster
        ended = schedule.definition.recurrence.end_time
        event(_logger, Event.SCHEDULE_EXPIRED, schedule_id=schedule.id, end_time=ended)
        return True


def _expired(schedule: Schedule, now: datetime) -> bool:
    definition = schedule.definition
    end = definition.recurrence.end_time
    return schedule.deleted_at is None and definition.enabled and end is not None and end < now


def _shown(one: Silent, now: datetime) -> dict[str, object]:
    return {
        "clock": one.clock,
        "last_seen": one.last.isoformat() if one.last is not None else None,
        "expected_at": one.expected.isoformat() if one.expected is not None else None,
        "seconds": round((now - one.since).total_seconds()),
        "warning": one.is_warning,
    }
