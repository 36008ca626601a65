"""What people do with jobs: cancel one, or run again what did not succeed.

A cancellation is a request. A job that nobody runs ends at once. A running job is marked in its
schedule's row; its worker reads the mark at its next beat and tells the task to stop. If the task
then raises, the job is cancelled; if it returns nevertheless, the job has succeeded.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import groupby, islice

from shared.access import LOCAL, Caller
from shared.archive.jobs import EndedJobs
from shared.audit.entry import Entry
from shared.audit.port import Action
from shared.clock import Clock
from shared.engine.commands.agreed import Agreed, afresh
from shared.engine.commands.schedules import Manager
from shared.engine.events import tell_ended
from shared.engine.work.outcomes import Outcomes
from shared.errors import Conflict
from shared.log import Event, event
from shared.redaction import redact
from shared.schedules import audited
from shared.schedules.finish import finished
from shared.schedules.job import ENDED, Job, Status, parse_id, retry_id
from shared.schedules.model import LiveJob, Schedule
from shared.schedules.record import ended_live, of_live
from shared.storage.tables.changes import Change
from shared.storage.tables.compare_and_set import compare_and_set

_logger = logging.getLogger("belfry.worker")

RETRIES_AT_ONCE = 50
"""The most jobs that one request runs again; they go in one message."""
_REASON = "a person cancelled it"
_NO_RETRY = {
    Status.SUCCEEDED: "it succeeded; to run its schedule once more, execute that",
    Status.SKIPPED: "a policy kept it from running; to run its schedule all the same, execute that",
}


class Control:
    """The verbs for jobs, bound to the stores."""

    def __init__(
        self, *, outcomes: Outcomes, ended: EndedJobs, manager: Manager, clock: Clock
    ) -> None:
        self._outcomes = outcomes
        self._ended = ended
        self._table = outcomes.table
        self._manager = manager
        self._clock = clock

    def cancel(self, job_id: str, reason: str | None = None, *, by: Caller = LOCAL) -> Job:
        """Cancel a job, even one of a deleted schedule; returns the job as it is afterwards.

        Harmless if it was cancelled before. Raises `NotFound`, and `Conflict` if it ended in
        another way.
        """
        why = redact(reason or _REASON)
        return compare_and_set(job_id, lambda: self._cancelled(job_id, why, by))

    def _cancelled(self, job_id: str, why: str, by: Caller) -> Job | None:
        now = self._clock.now()
        schedule = self._table.get(parse_id(job_id)[0])
        done = self._table.job(job_id)  # after the row: what is not in the row has ended
        if done is not None:
            return _ended(done)
        live = schedule.progress.find(job_id) if schedule is not None else None
        if schedule is None or live is None:
            job = self._manager.job(job_id)  # of a stretch, or it came or ended meanwhile
            return _ended(job) if job.status in ENDED else None
        held = live.lease_until is not None and live.lease_until > now
        told = audited.of_request(by, Action.CANCEL, schedule, now, {"reason": why}, job_id=job_id)
        if held:
            return self._mark(schedule, live, why, told)
        return self._end(schedule, live, why, now, told)

    def retry(self, job_id: str, *, by: Caller = LOCAL) -> Job:
        """Run a job again that failed, was missed or was cancelled; returns the job that repeats
        it.

        A second call does not start a second run. Raises `NotFound`, and `Conflict` for a job that
        ended otherwise or has not ended.
        """
        job = self._manager.job(job_id)
        if job.status not in ENDED:
            raise Conflict(f"{job_id} is {job.status}; what has not ended cannot be run again")
        if job.status in _NO_RETRY:
            raise Conflict(f"{job_id} cannot be run again: {_NO_RETRY[job.status]}")
        schedule = self._table.get(job.schedule_id)
        if schedule is None or schedule.deleted_at is not None:
            raise Conflict(f"{job_id} cannot be run again: its schedule was deleted")
        asked = retry_id(job_id)
        now, action = self._clock.now(), Action.RETRY
        self._manager.ask(job.schedule_id, [asked], now, by=by, action=action, of_job=job_id)
        return self._manager.job(asked)

    def retry_failed(
        self, schedule_id: str, *, agreed: Agreed = afresh, by: Caller = LOCAL
    ) -> list[str]:
        """Run a schedule's failed jobs again, except those that were run again already; the newest
        are chosen first. Returns the ids of the new jobs; those of the first time, if the command
        was given before (`agreed`). Raises `NotFound`, or `Conflict` if too many are unfinished.
        """
        asked = agreed(lambda: self._to_retry(schedule_id))
        if not asked:
            return []
        now, action = self._clock.now(), Action.RETRY
        after, added = self._manager.ask(schedule_id, asked, now, by=by, action=action)
        if agreed is afresh:
            return sorted(added)
        there = self._table.ended(asked).keys() | {job.id for job in after.progress.live}
        return sorted(there & set(asked))

    def _to_retry(self, schedule_id: str) -> list[str]:
        schedule = self._manager.get(schedule_id)
        return [retry_id(job.id) for job in islice(self._failed(schedule), RETRIES_AT_ONCE)]

    def _failed(self, schedule: Schedule) -> Iterator[Job]:
        """The failed jobs that no job repeats, latest due first. A retry has the due time of the
        job that it repeats."""
        live = {job.id for job in schedule.progress.live}
        left = schedule.progress.failure_count
        for _, group in groupby(self._ended.failures(schedule.id), key=lambda job: job.due_at):
            if left <= 0:
                return
            together = list(group)
            there = live | {job.id for job in together}
            failed = [job for job in together if job.status is Status.FAILED and not job.backfill]
            left -= len(failed)
            yield from (job for job in failed if retry_id(job.id) not in there)

    def _mark(self, schedule: Schedule, live: LiveJob, why: str, told: Entry) -> Job | None:
        """Mark the job, so that its worker stops it; None if somebody else changed the row."""
        if live.cancel is not None:
            return of_live(schedule, live)
        marked = replace(live, cancel=why)
        after = replace(schedule, progress=schedule.progress.put(marked))
        if not self._table.commit([Change(schedule, after, audits=(told,))])[0]:
            return None
        event(
            _logger,
            Event.JOB_CANCEL_REQUESTED,
            schedule_id=schedule.id,
            job_id=live.id,
            reason=why,
        )
        return of_live(schedule, marked)

    def _end(
        self, schedule: Schedule, live: LiveJob, why: str, now: datetime, told: Entry
    ) -> Job | None:
        """End a job that nobody runs; None if somebody else changed the row, or ended it."""
        said = self._table.running(live.id) if live.running else None
        record = replace(
            ended_live(schedule, live, Status.CANCELLED, now, live.cancel or why),
            log="" if said is None else said.log,
        )
        after, versions = finished(schedule, record, self._outcomes.ended(schedule), now)
        change = Change(schedule, after, (record,), versions, audits=(told,))
        if not self._table.commit([change])[0]:
            return None
        tell_ended(_logger, record)
        if said is not None:
            self._table.unsay(live.id)
        self._outcomes.make_room(after)
        return record


def _ended(job: Job) -> Job:
    if job.status is Status.CANCELLED:
        return job
    raise Conflict(f"{job.id} has ended: {job.status}" + (f" ({job.reason})" if job.reason else ""))
