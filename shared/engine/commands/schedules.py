"""What people do with schedules: create, change, turn on and off, delete, run now.

Each command is a step from the present schedule to a new one. It is committed only if nobody
changed the schedule in between; if somebody did, it is decided again. If a schedule's next run is
near, it is handed out at once, since the next tick may come too late for it.

`by` says on whose behalf. The audit's entry is written in the transaction of the change (C17), so
there is no change without its entry, and no entry without its change.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared import tracing
from shared.access import LOCAL, Caller
from shared.archive.jobs import EndedJobs
from shared.audit.port import Action
from shared.clock import Clock
from shared.engine.commands.agreed import Agreed, afresh
from shared.engine.dispatch.tick import Dispatcher
from shared.engine.events import tell_unrun
from shared.engine.records import lookup
from shared.engine.work.outcomes import Outcomes
from shared.errors import Conflict, Damaged, NotFound
from shared.log import Event, event, instant
from shared.recurrence import Recurrence
from shared.schedules import audited, times
from shared.schedules.fold import fold
from shared.schedules.job import Job, Status, job_id, parse_id, run_of
from shared.schedules.model import Definition, LiveJob, Policy, Schedule, Version
from shared.schedules.plan import LIVE_CAP, crowded, given_up, plan
from shared.schedules.record import ended_live
from shared.schedules.upcoming import upcoming
from shared.storage.queues.jobs import Message
from shared.storage.tables.changes import Change
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.handed import HandedOut

_logger = logging.getLogger("belfry.schedules")
_CANCELLED = 90
"""The most jobs that end in the transaction that deletes their schedule, which is limited to 100
rows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Requested:
    """A run that was requested."""

    schedule: Schedule
    job_id: str
    at: datetime


def hold_steps(schedule_id: str) -> None:
    """Raise `Conflict` for the schedule of a workflow's step: only its run decides about it."""
    if (run_id := run_of(schedule_id)) is not None:
        raise Conflict(
            f"{schedule_id} is a step of the workflow's run {run_id}; cancel that run, or begin it "
            "anew where it failed"
        )


def _any(_: Schedule) -> None:
    """Whatever the schedule is, it may be changed."""


class Manager:
    """The commands, bound to their stores. `check` is called with the present schedule and the new
    one (`checks`)."""

    def __init__(
        self,
        *,
        outcomes: Outcomes,
        ended: EndedJobs,
        dispatcher: Dispatcher,
        handed: HandedOut,
        clock: Clock,
        new_id: Callable[[], str],
        check: Callable[[Schedule | None, Schedule], None],
    ) -> None:
        self._outcomes = outcomes
        self._table = outcomes.table
        self._ended = ended
        self._queue = outcomes.queue
        self._dispatcher = dispatcher
        self._handed = handed
        self._clock = clock
        self.new_id = new_id
        self._check = check

    def now(self) -> datetime:
        """The time by the commands' clock."""
        return self._clock.now()

    def get(self, schedule_id: str) -> Schedule:
        """The schedule, with the jobs that ended counted. Raises `NotFound`."""
        return self.shown(self._find(schedule_id))

    def shown(self, schedule: Schedule) -> Schedule:
        """The schedule, with the jobs that ended since its row was written counted."""
        return replace(schedule, progress=fold(schedule.progress, self._outcomes.ended(schedule)))

    def create(
        self,
        definition: Definition,
        policy: Policy,
        *,
        schedule_id: str | None = None,
        configured: str = "",
        agreed: Agreed = afresh,
        by: Caller = LOCAL,
    ) -> Schedule:
        """Create a schedule. Raises `Conflict` if there is one of that id, `InvalidRecurrence` if
        it would never run, and what its task's check raises. A `configured` one is not checked.

        `agreed`: if the command was given before, returns what was created then.
        """
        now = self._clock.now()
        hold_steps(schedule_id or "")
        (name,) = agreed(lambda: [schedule_id or f"s{self.new_id()}"])
        if agreed is not afresh and (made := self._created(name)) is not None:
            return made
        wanted = Schedule(
            id=name,
            definition=definition,
            policy=policy,
            configured=configured,
            created_at=now,
            updated_at=now,
        )
        if not configured:
            self._check(None, wanted)
        made = _timed(wanted, None, now).rescheduled(now)
        first = Version.of(made, now, "created")
        told = audited.of_schedule(by, Action.CREATE, None, made, now)
        if not self._table.commit([Change(None, made, versions=(first,), audits=(told,))])[0]:
            if agreed is not afresh and (there := self._created(name)) is not None:
                return there  # the same command was given twice at the same time
            raise Conflict(f"there is a schedule {made.id!r} already")
        self._tell(Event.SCHEDULE_CREATED, made, now)
        self._dispatcher.tick_one(made.id, now)
        return self.get(made.id)

    def _created(self, name: str) -> Schedule | None:
        """What an earlier try of a command created; None if it came to nothing."""
        there = self._table.get(name)
        if there is not None and there.deleted_at is not None:
            raise Conflict(f"{name}, which this request created, was deleted since")
        return None if there is None else self.shown(there)

    def change(
        self,
        schedule_id: str,
        step: Callable[[Schedule], Schedule],
        *,
        still: Callable[[Schedule], None] = _any,
        by: Caller = LOCAL,
        action: Action = Action.CHANGE,
    ) -> Schedule:
        """Apply `step`, a function of the present schedule. Raises `NotFound`, what `step` raises,
        and `InvalidRecurrence` if the schedule would never run at its new times.

        What is due by now is handed out or recorded under the schedule as it was; a backlog that it
        would catch up with later is recorded as cancelled. The next run is computed anew only if
        the recurrence, `enabled` or `max_runs` changed; if nothing changed, nothing is written.

        `still` is called with the very schedule that is to be changed, and may raise.
        """

        def decide(schedule: Schedule, now: datetime) -> Change:
            still(schedule)
            # ended jobs are counted first, so that failures from before it was enabled do not count
            shown = self.shown(schedule)
            wanted = _timed(step(shown), shown.definition.recurrence, now)
            if wanted == shown:
                return Change(schedule, schedule)
            self._check(shown, wanted)
            after = replace(wanted, revision=schedule.revision + 1, updated_at=now)
            told = (audited.of_schedule(by, action, shown, after, now),)
            if _expectation(schedule) == _expectation(after):
                return Change(schedule, after, audits=told)
            return replace(_turned(schedule, after, now, "changed"), audits=told)

        made = self._commit(schedule_id, decide)
        if made.after != made.before:
            now = self._clock.now()
            self._tell(Event.SCHEDULE_CHANGED, made.after, now)
            self._dispatcher.tick_one(schedule_id, now)
        return self.get(schedule_id)

    def hold(self, present: Schedule, wanted: Schedule) -> None:
        """Raise what a change from the one to the other would, as far as it can be known before."""
        now = self._clock.now()
        self._check(present, _timed(wanted, present.definition.recurrence, now))

    def enable(
        self,
        schedule_id: str,
        enabled: bool,
        *,
        still: Callable[[Schedule], None] = _any,
        by: Caller = LOCAL,
    ) -> Schedule:
        """Turn it on or off; `still` as in `change`. A schedule that is off starts nothing by
        itself.

        To turn it on also ends a pause, and resets the count of failures.
        """

        def step(one: Schedule) -> Schedule:
            definition = replace(one.definition, enabled=enabled)
            return replace(one.resumed() if enabled else one, definition=definition)

        action = Action.ENABLE if enabled else Action.DISABLE
        return self.change(schedule_id, step, still=still, by=by, action=action)

    def delete(
        self,
        schedule_id: str,
        *,
        still: Callable[[Schedule], None] = _any,
        by: Caller = LOCAL,
    ) -> None:
        """Delete it; `still` as in `change`. Its history stays. Jobs that wait are cancelled;
        running jobs go on. A row that cannot be read is removed, whatever it was."""

        def decide(schedule: Schedule, now: datetime) -> Change:
            still(schedule)
            if schedule.configured:
                raise Conflict(f"{schedule_id} belongs to a built-in task; turn it off instead")
            gone = replace(schedule, deleted_at=now, revision=schedule.revision + 1, updated_at=now)
            turned = _turned(schedule, gone, now, "deleted")
            known = self._outcomes.ended(turned.after)
            waiting = [
                job for job in turned.after.progress.live if not job.running and job.id not in known
            ]
            cancelled = tuple(  # if there are more, their own messages cancel the rest
                ended_live(schedule, job, Status.CANCELLED, now, "its schedule was deleted")
                for job in waiting[:_CANCELLED]
            )
            folded = fold(turned.after.progress, known | {job.id: job for job in cancelled})
            after = replace(turned.after, progress=folded)
            told = audited.of_schedule(by, Action.DELETE, schedule, after, now)
            return replace(turned, after=after, jobs=cancelled, audits=(told,))

        try:
            gone = self._commit(schedule_id, decide).after
        except Damaged:  # there is nothing of it that could be kept
            told = audited.of_unreadable(by, schedule_id, self._clock.now())
            self._table.discard(schedule_id, told)
            event(_logger, Event.SCHEDULE_DELETED, schedule_id=schedule_id)
            return
        if gone.progress.backfill is not None:
            self._outcomes.pacer.step(schedule_id)
        self._tell(Event.SCHEDULE_DELETED, gone, self._clock.now())

    def run_now(
        self,
        schedule_id: str,
        *,
        force: bool,
        send: bool = True,
        insist: bool = False,
        due_at: datetime | None = None,
        agreed: Agreed = afresh,
        by: Caller = LOCAL,
    ) -> Requested:
        """Request a run (C7). `send=False`: the caller runs the job itself. `insist`: the task must
        also do what it would otherwise leave out as needless. `due_at`: what a forced run takes for
        its due time; default: now. `agreed`: if the command was given before, it is the run that
        was requested then.

        Without `force` the schedule must be on and due. Raises `Conflict`, `NotFound`.
        """
        now = self._clock.now()
        hold_steps(schedule_id)

        def decide() -> list[str]:
            if not force:
                return [self._due_job(self._find(schedule_id), now)]
            return [job_id(schedule_id, due_at or now, self.new_id())]

        (asked,) = agreed(decide)
        if force:
            after, _ = self.ask(schedule_id, [asked], now, send=send, insist=insist, by=by)
        else:
            self._tell_asked(schedule_id, asked, now, by)
            self._dispatcher.tick_one(schedule_id, now)
            after = self._find(schedule_id)
        return Requested(schedule=after, job_id=asked, at=now)

    def ask(
        self,
        schedule_id: str,
        asked: Sequence[str],
        now: datetime,
        *,
        send: bool = True,
        insist: bool = False,
        by: Caller = LOCAL,
        action: Action = Action.EXECUTE,
        of_job: str | None = None,
    ) -> tuple[Schedule, list[str]]:
        """Add jobs that a person requested to a schedule; (the schedule, the ids added).

        Jobs that exist already, ended or not, are left alone. Of the others, as many are added as
        there is room for. `action` and `of_job`, the job that is repeated, are for the audit.
        Raises `NotFound`, and `Conflict` if there is no room.
        """
        added: list[str] = []
        trace = tracing.carried()
        hold_steps(schedule_id)

        def decide(schedule: Schedule, at: datetime) -> Change:
            # read after the row: a job of that id which ends in between changes the row
            there = self._ended.ended(asked).keys() | {job.id for job in schedule.progress.live}
            known = self._outcomes.ended(schedule) if crowded(schedule) else {}
            progress = fold(schedule.progress, known)
            new = [one for one in asked if one not in there]
            if new and len(progress.live) >= LIVE_CAP:
                raise Conflict(f"{schedule_id} has {LIVE_CAP} unfinished jobs; wait for some")
            added[:] = new[: LIVE_CAP - len(progress.live)]
            for one in added:
                due_at = parse_id(one)[1]
                job = LiveJob(id=one, due_at=due_at, available_at=now, forced=insist, trace=trace)
                progress = progress.put(job)
            what = {"job_ids": list(added), "insist": insist}
            told = audited.of_request(by, action, schedule, at, what, job_id=of_job)
            audits = (told,) if added else ()
            return Change(schedule, replace(schedule, progress=progress), audits=audits)

        if asked:
            self._handed.note([(one, now) for one in asked], now)
        if send:
            long = self._find(schedule_id).is_long
            self._queue.send(Message(tuple(asked), now, long=long, trace=trace), now)
        after = self._commit(schedule_id, decide).after
        coming = upcoming(after, now)
        for one in added:
            event(
                _logger,
                Event.JOB_QUEUED,
                schedule_id=schedule_id,
                job_id=one,
                next_run_at=coming and coming.due_at,
            )
        return after, added

    def _due_job(self, schedule: Schedule, now: datetime) -> str:
        """The job of the run that is due. Raises `Conflict` if the schedule is off, or not due."""
        if not schedule.is_on:
            paused = schedule.definition.enabled and schedule.progress.paused_reason
            why = f"paused: {paused}" if paused else "turned off"
            raise Conflict(f'{schedule.id} is {why}; enable it, or send {{"force": true}}')
        due_at = schedule.progress.next_run_at
        if due_at is None or due_at > now:
            coming = upcoming(schedule, now)
            when = f"not due until {instant(coming.due_at)}" if coming else "not due again"
            raise Conflict(f'{schedule.id} is {when}; send {{"force": true}} to run it now')
        starts = plan(schedule, now, now).start  # after an outage: not the first that was due
        return starts[0].id if starts else job_id(schedule.id, due_at)

    def _tell_asked(self, schedule_id: str, asked: str, now: datetime, by: Caller) -> None:
        """Tell the audit of a request for a run that is due, before a tick hands it out: that
        happens by itself, even if this process is killed in between."""

        def attempt() -> bool | None:
            found = self._find(schedule_id)
            told = audited.of_request(by, Action.EXECUTE, found, now, {"job_ids": [asked]})
            return self._table.commit([Change(found, found, audits=(told,))])[0] or None

        compare_and_set(schedule_id, attempt)

    def job(self, job_id: str) -> Job:
        """The job, ended or not; also that of an occurrence within a stretch. Raises `NotFound`."""
        return lookup.job(self._table, self._ended, job_id)

    def ended_since(self, schedule_id: str, since: datetime) -> list[Job]:
        """A schedule's ended jobs that were due from `since` on, latest due first."""
        return lookup.ended_since(self._ended, schedule_id, since)

    def _find(self, schedule_id: str) -> Schedule:
        found = self._table.get(schedule_id)
        if found is None or found.deleted_at is not None:
            raise NotFound(f"there is no schedule {schedule_id!r}")
        return found

    def _commit(self, schedule_id: str, decide: Callable[[Schedule, datetime], Change]) -> Change:
        """Decide and write; returns the change. A change that changes nothing is not written."""
        hold_steps(schedule_id)

        def attempt() -> Change | None:
            now = self._clock.now()
            schedule = self._find(schedule_id)
            if schedule.owes(now):
                self._dispatcher.tick_one(schedule_id, now)
                schedule = self._find(schedule_id)
            change = decide(schedule, now)
            if change.versions and schedule.owes(now):
                self._give_up(schedule, now, change.versions[0].reason)
                return None
            unchanged = change.after == change.before
            return change if unchanged or self._table.commit([change])[0] else None

        return compare_and_set(schedule_id, attempt)

    def _give_up(self, schedule: Schedule, now: datetime, what: str) -> None:
        """Record as cancelled what a schedule still owes when it is changed or deleted."""
        owing: Schedule | None = schedule
        while owing is not None and owing.owes(now):
            made = given_up(owing, now, now, f"was {what}")
            self._handed.note([(job.id, now) for job in made.recorded], now)
            if not self._table.commit([Change(owing, made.after, made.recorded)])[0]:
                return
            tell_unrun(_logger, made.recorded)
            owing = self._table.get(schedule.id)

    def _tell(self, what: Event, schedule: Schedule, now: datetime) -> None:
        coming = upcoming(schedule, now)
        event(
            _logger,
            what,
            schedule_id=schedule.id,
            name=schedule.definition.name,
            task_type=schedule.definition.task_type,
            enabled=schedule.definition.enabled,
            next_run_at=coming and coming.due_at,
        )


def _expectation(schedule: Schedule) -> tuple[object, ...]:
    """The values from which its expected occurrences follow."""
    return schedule.definition.recurrence, schedule.is_on, schedule.policy.max_runs


def _timed(wanted: Schedule, present: Recurrence | None, now: datetime) -> Schedule:
    """`wanted`; if its times are new, they are checked, so that it will run (`times.accepted`)."""
    asked = wanted.definition.recurrence
    when = times.accepted(asked, present, now, wanted.floor(now))
    if when is asked:
        return wanted
    return replace(wanted, definition=replace(wanted.definition, recurrence=when))


def _turned(schedule: Schedule, wanted: Schedule, now: datetime, reason: str) -> Change:
    """The change to `wanted`, whose expected occurrences differ from `now` on."""
    after = wanted.rescheduled(now)
    return Change(schedule, after, versions=(Version.of(after, schedule.floor(now), reason),))
