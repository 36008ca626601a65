"""Moves runs on: when a job of a step has ended, what follows is handed out.

No process waits for a run. Whoever ends a job of it writes that end, the run's row and the steps
that follow in one transaction, under the run's ETag. If a job ends in another way (cancelled,
given up), whoever ended it takes the next step; if that process is killed in between, the guard
message of the job does so, or the packing of the index of jobs, within minutes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby

from shared.access import ENGINE
from shared.clock import Clock
from shared.engine.commands.jobs import Control
from shared.engine.work.runs import Hands
from shared.engine.work.waking import Waking
from shared.errors import Conflict, NotFound, Refused
from shared.jobs.entry import Entry
from shared.log import Event, event
from shared.schedules.job import ENDED, Job, Status, run_of
from shared.schedules.model import Schedule
from shared.storage.queues.jobs import JobQueue, Message
from shared.storage.tables.batch import TooLarge
from shared.storage.tables.changes import bare
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.schedules import ScheduleTable
from shared.tasks import Registry
from shared.workflows.deciding import Decision, decide, ended_of, stopped
from shared.workflows.looking import Jobs, Looking, open_places
from shared.workflows.making import schedule_of, stop_of
from shared.workflows.model import WORKFLOW, Definition
from shared.workflows.names import deadline_id, place_of
from shared.workflows.names import run_id as run_of_key
from shared.workflows.state import Run, RunStatus
from shared.workflows.store import RunStore

_logger = logging.getLogger("belfry.workflows")

_TRIES = 60
"""So many processes may end jobs of one run at the same time."""
_JOBS = 40
"""How many jobs end in one transaction: they and what follows must fit into it."""
_STRIPES = 64


@dataclass(frozen=True, slots=True)
class Advancing:
    """What moves runs on (`engine.work.runs.Runs`), bound to its stores."""

    runs: RunStore
    table: ScheduleTable
    jobs: Jobs
    queue: JobQueue
    tasks: Registry
    clock: Clock
    waking: Waking
    control: Control
    over: Callable[[Run], bool]
    """Told of each run that has ended, or goes on after its end, maybe more than once; whether it
    is news."""
    event_url: Callable[[str, str], str]
    """As `Looking.url`."""
    _locks: Sequence[threading.Lock] = field(
        default_factory=lambda: [threading.Lock() for _ in range(_STRIPES)]
    )
    """Threads of this process take turns at a run, instead of losing to each other."""

    def end(self, jobs: Sequence[Job], hands: Hands | None = None) -> list[Job]:
        """As `Runs.end`."""
        kept: list[Job] = []
        by_run = sorted(jobs, key=lambda job: job.schedule_id)
        for run_id, some in groupby(by_run, key=lambda job: run_of(job.schedule_id) or ""):
            of_run = list(some)
            for start in range(0, len(of_run), _JOBS):
                kept += self._ended(run_id, of_run[start : start + _JOBS], hands)
        return kept

    def step(self, schedule_id: str) -> None:
        """As `Runs.step`."""
        if (run_id := run_of(schedule_id)) is None:
            return
        self.advance(run_id)
        if place_of(schedule_id) is None:  # its deadline, or that it was cancelled
            self._go_on_stopping(self.runs.get(run_id))

    def advance(self, run_id: str) -> None:
        """Count the jobs of the run that ended, and hand out what follows; harmless to repeat."""
        run = self.runs.get(run_id)
        if run is not None and run.is_open:
            found = self.jobs.of(open_places(run, self._definition(run)), run)
            ended = [job for job in found if job.status in ENDED]
            self._stop_below_all(ended)
            self._follow(run_id, ended)

    def follow(self, entries: Sequence[Entry], check: Callable[[], None]) -> None:
        """Look after the runs whose jobs ended: whoever ended them may have been killed before it
        did all that follows. Raises `Unavailable` or `Refused`: then the feed keeps them."""
        for one in sorted({run for entry in entries if (run := run_of(entry.schedule_id))}):
            check()
            self.heal(one)

    def heal(self, run_id: str) -> None:
        """The same, and all that follows a decision, which a process that was killed may have left
        undone."""
        self.advance(run_id)
        run = self.runs.get(run_id)
        if run is None:
            return
        self._go_on_stopping(run)
        if not run.is_open:
            self._tell_ended(run)
        elif run.redone:
            self.over(run)
            self._tell_if_ended(run_id)

    def _tell_if_ended(self, run_id: str) -> None:
        """After a list was told that a run goes on: it may have ended meanwhile."""
        now = self.runs.get(run_id)
        if now is not None and not now.is_open:
            self._tell_ended(now)

    def stop(self, run_id: str, reason: str) -> Run:
        """Cancel a run: it starts no more steps, those under way are told to stop, and what was
        done is undone. Harmless if it stops already. Raises `NotFound`, and `Conflict` if it has
        ended."""
        run = compare_and_set(run_id, lambda: self._stopped(run_id, reason), tries=_TRIES)
        self._cancel(run)
        self._follow(run_id, [])
        return self.runs.get(run_id) or run

    def begin(self, run: Run, made: Sequence[Schedule]) -> Run | None:
        """Write a new run with its first steps, or one that goes on after its end; None if there
        is one of its id, or somebody was faster. `made`: schedules besides."""
        definition, now = self._definition(run), self.clock.now()
        decision = decide(definition, run, [], self._looking({}), now)
        steps = [schedule_of(run, one, self.tasks, now) for one in decision.starts]
        self._send([*steps, *made])
        written = self.runs.write(decision.run, made=[*steps, *made], items=decision.items)
        if written is None:
            return None
        self._tell(_Made(run, written, decision))
        if decision.more:
            self._follow(run.id, [])
        return written

    def _stopped(self, run_id: str, reason: str) -> Run | None:
        run = self.runs.get(run_id)
        if run is None:
            raise NotFound(f"there is no run {run_id!r}")
        if not run.is_open:
            raise Conflict(f"{run_id} has ended: {run.status}")
        after = stopped(run, RunStatus.CANCELLED, reason, compensates=True)
        if after == run:
            return run
        made = [stop_of(run, self.tasks, self.clock.now())]
        self._send(made)
        return self.runs.write(after, made=made)

    def _ended(self, run_id: str, jobs: Sequence[Job], hands: Hands | None = None) -> list[Job]:
        """Write the jobs' rows with what follows; those that had not ended before."""
        try:
            return self._written(run_id, jobs, hands)
        except (TooLarge, Refused) as error:
            if len(jobs) == 1:
                if (short := bare(jobs[0], error)) == jobs[0]:
                    raise
                return self._written(run_id, [short], hands)
        half = len(jobs) // 2
        first = self._ended(run_id, jobs[:half], hands)
        return first + self._ended(run_id, jobs[half:], hands)

    def _written(self, run_id: str, jobs: Sequence[Job], hands: Hands | None) -> list[Job]:
        self._stop_below_all(jobs)
        turn = _Turn(list(jobs), hands=hands)
        made = self._turned(run_id, turn)
        if made.run is None:  # its row is gone, as after a restore: the jobs end all the same
            won = self.table.end(jobs)
            return [job for job, mine in zip(jobs, won, strict=True) if mine]
        if made.decision is not None and made.decision.more:
            self._follow(run_id, [])
        if any(place_of(job.schedule_id) is None for job in jobs):
            self.heal(run_id)
        return turn.kept

    def _follow(self, run_id: str, jobs: Sequence[Job]) -> None:
        """Hand out what follows jobs whose ends are written, until there is no more."""
        made = self._turned(run_id, _Turn([], list(jobs)))
        while made.decision is not None and made.decision.more:
            made = self._turned(run_id, _Turn([]))

    def _turned(self, run_id: str, turn: _Turn) -> _Made:
        with self._locks[hash(run_id) % _STRIPES]:
            made = compare_and_set(run_id, lambda: self._tried(run_id, turn), tries=_TRIES)
        self._tell(made)
        return made

    def _tried(self, run_id: str, turn: _Turn) -> _Made | None:
        """What was done; None if somebody was faster."""
        first = bool(turn.new) and not turn.again
        run = self.runs.known(run_id) if first else self.runs.get(run_id)
        if run is None:
            return _Made(None, None, None)
        if turn.again:
            self._sort_out(turn)
        turn.again = True
        known = {job.schedule_id: job for job in (*turn.new, *turn.earlier)}
        ended = [one for job in known.values() if (one := ended_of(job)) is not None]
        definition = self._definition(run)
        now = self.clock.now()
        decision = decide(definition, run, ended, self._looking(known), now)
        if decision.run == run and not turn.new:
            return _Made(run, run, None)
        made = [schedule_of(run, one, self.tasks, now) for one in decision.starts]
        leased = _leased(made, turn.hands)
        self._send([one for one in made if one.id not in leased])
        sent = turn.hands.guarding([*leased.values()]) if leased and turn.hands else None
        made = [leased.get(one.id, one) for one in made]
        written = self.runs.write(decision.run, jobs=turn.new, made=made, items=decision.items)
        if sent is not None:
            sent()
        if written is None:
            return None
        turn.kept += turn.new
        for mine in leased.values():
            turn.begin(mine)
        for schedule in made:
            (live,) = schedule.progress.live
            event(_logger, Event.JOB_QUEUED, schedule_id=schedule.id, job_id=live.id)
        return _Made(run, decision.run, decision)

    def _sort_out(self, turn: _Turn) -> None:
        """After a write was refused: which of the jobs had ended before. An end of our own, whose
        answer was lost, counts as made here."""
        found = self.table.whole([job.id for job in turn.new])
        turn.kept += [job for job in turn.new if job.id in found and found[job.id].ended_as(job)]
        turn.new = [job for job in turn.new if job.id not in found]
        turn.earlier += found.values()

    def _send(self, made: Sequence[Schedule]) -> None:
        """Messages first, commit second, as everywhere (`dispatch.tick`)."""
        now = self.clock.now()
        lives = [(one.progress.live[0], one.is_long) for one in made]
        short = [live.id for live, long in lives if not long and live.available_at <= now]
        if short:
            self.queue.send(Message(tuple(short), now), now)
        for live, long in lives:
            if live.id not in short:
                self.queue.send(Message((live.id,), now, long=long), live.available_at)

    def _tell(self, made: _Made) -> None:
        """What is done once a decision is written. All of it is done again if the process is
        killed before (`advance`)."""
        before, after = made.before, made.run
        if before is None or after is None:
            return
        if before.status is RunStatus.RUNNING and after.status is RunStatus.STOPPING:
            self._cancel(after)
        if before.is_open and not after.is_open:
            self._tell_ended(after)

    def _tell_ended(self, run: Run) -> None:
        if self.over(run):
            _tell_ended(run)
        if run.deadline is not None:
            self._end_jobs(deadline_id(run.id, run.redone), "its run has ended", every=True)
        if run.parent:
            self.waking.wake(run.parent)

    def _go_on_stopping(self, run: Run | None) -> None:
        if run is not None and run.status is RunStatus.STOPPING:
            self._cancel(run)

    def _cancel(self, run: Run) -> None:
        """Tell the jobs of the steps under way to stop. If the run failed, those that run now may
        end by themselves."""
        every = run.outcome is RunStatus.CANCELLED
        for place in open_places(run, self._definition(run)):
            if not place.undo:
                reason = f"its run stops: {run.reason}"
                self._end_jobs(place.schedule_id(run.id), reason, every=every)

    def _end_jobs(self, schedule_id: str, reason: str, *, every: bool) -> None:
        schedule = self.table.get(schedule_id)
        for live in schedule.progress.live if schedule is not None else ():
            if schedule is not None and schedule.definition.task_type == WORKFLOW:
                self._stop_below(live.id, reason)
            if every or not live.running:
                with suppress(Conflict, NotFound):  # it has ended
                    self.control.cancel(live.id, reason, by=ENGINE)

    def _stop_below_all(self, jobs: Sequence[Job]) -> None:
        """Cancel the runs that these jobs waited for and wait for no more, as when a person
        cancelled one of them."""
        for job in jobs:
            if job.task_type == WORKFLOW and job.status is not Status.SUCCEEDED:
                self._stop_below(job.id, f"the step that waited for it ended: {job.status}")

    def _stop_below(self, job_id: str, reason: str) -> None:
        """Cancel the run that a job waits for."""
        with suppress(Conflict, NotFound):  # it has ended, or never began
            self.stop(run_of_key(job_id), reason)

    def _looking(self, known: Mapping[str, Job]) -> Looking:
        return Looking(self.runs, self.jobs, known, self.event_url)

    def _definition(self, run: Run) -> Definition:
        return self.runs.definition(run.digest)


@dataclass(slots=True)
class _Turn:
    """The jobs of one call."""

    new: list[Job]
    """Their rows are still to be written."""
    earlier: list[Job] = field(default_factory=list)
    """Their rows are there."""
    kept: list[Job] = field(default_factory=list)
    again: bool = False
    hands: Hands | None = None
    """What begins some of the jobs that follow at once."""

    def begin(self, schedule: Schedule) -> None:
        if self.hands is not None:
            self.hands.begin(schedule)


@dataclass(frozen=True, slots=True)
class _Made:
    """What one try did; without a decision: nothing was to be done."""

    before: Run | None
    run: Run | None
    decision: Decision | None


def _leased(made: Sequence[Schedule], hands: Hands | None) -> dict[str, Schedule]:
    """Those that start here at once, by id."""
    if hands is None:
        return {}
    return {one.id: mine for one in made if (mine := hands.lease(one)) is not None}


def _tell_ended(run: Run) -> None:
    event(
        _logger,
        Event.WORKFLOW_ENDED,
        level=logging.INFO if run.status is RunStatus.SUCCEEDED else logging.ERROR,
        run_id=run.id,
        workflow_id=run.workflow_id,
        status=run.status,
        reason=run.reason or None,
    )
