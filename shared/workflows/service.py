"""What people and tasks do with runs: start one, cancel it, begin it anew, send it an event."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.access import LOCAL, Caller
from shared.clock import Clock
from shared.engine.work.waking import woken
from shared.errors import Conflict, Damaged, Held, Invalid, NotFound, Refused
from shared.log import Event, event
from shared.schedules.job import Job, effect_key, parse_id, run_of
from shared.schedules.model import Schedule
from shared.storage.tables.changes import Change
from shared.storage.tables.compare_and_set import compare_and_set
from shared.tasks import JobContext, Registry
from shared.threads import Pool
from shared.workflows.advancing import Advancing
from shared.workflows.anew import anew
from shared.workflows.filed import Archived
from shared.workflows.inputs import inputs_of
from shared.workflows.links import names, waiting
from shared.workflows.listing import RunRoll
from shared.workflows.looking import open_places
from shared.workflows.making import deadline_of
from shared.workflows.model import MAX_DEPTH, Definition
from shared.workflows.names import Place, is_run_id, run_id
from shared.workflows.state import Run, RunStatus
from shared.workflows.store import Arrived, RunStore

_logger = logging.getLogger("belfry.workflows")
_LOOK = timedelta(minutes=15)
"""How often a job looks whether the run that it waits for has ended, if nobody wakes it."""
_READERS = 8
_TOGETHER = 50
"""How many jobs are woken in the transaction that stores an event."""
MAX_EVENTS = 1000
"""The most events that one run takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a run is to be of."""

    workflow_id: str
    name: str
    project_id: int | None
    definition: Definition
    text: str
    """The definition as canonical JSON."""
    saved_by: str = ""
    """Who last changed it."""


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs, bound to their stores. Every method raises `Unavailable` or `Refused` if storage
    fails."""

    store: RunStore
    roll: RunRoll
    advancing: Advancing
    tasks: Registry
    clock: Clock
    asked: Callable[[str, int | None], Asked]
    """The workflow of an id, for a project. Raises `NotFound`, `Conflict` if it is not active."""
    archived: Callable[[str], Archived | None]
    """A run that was moved into a file. Raises `Damaged`."""

    def start(
        self,
        wanted: Asked,
        given: Mapping[str, object],
        *,
        key: str,
        by: Caller = LOCAL,
        parent: str = "",
        depth: int = 0,
    ) -> Run:
        """Start a run, or return the one that `key` has started before.

        Raises `Invalid` naming an input.
        """
        started = run_id(key)
        if (known := self.store.get(started)) is not None:
            return known
        if depth > MAX_DEPTH:
            raise Conflict(f"workflows run workflows {depth} deep; {MAX_DEPTH} is the most")
        now, definition = self.clock.now(), wanted.definition
        run = Run(
            id=started,
            workflow_id=wanted.workflow_id,
            name=wanted.name,
            digest=definition.digest,
            project_id=wanted.project_id,
            given=inputs_of(definition.inputs, given),
            requested_by=by.name,
            saved_by=wanted.saved_by,
            parent=parent,
            depth=depth,
            started_at=now,
            deadline=_deadline(definition, now),
        )
        self.store.keep(definition, wanted.text)
        if not self.roll.add(run) and (before := self.archived(started)) is not None:
            return before.run
        written = self.advancing.begin(run, self._deadline(run, now))
        if written is None:
            return self.get(started)
        event(_logger, Event.WORKFLOW_STARTED, run_id=run.id, workflow_id=run.workflow_id)
        return written

    def get(self, started: str) -> Run:
        """The run of that id. Raises `NotFound`, `Damaged`."""
        found = self._found(started)
        if found is None:
            raise NotFound(f"there is no run {started!r}")
        return found

    def _found(self, started: str) -> Run | None:
        if not is_run_id(started):
            return None
        if (run := self.store.get(started)) is not None:
            return run
        found = self.archived(started)
        return None if found is None else found.run

    def many(self, run_ids: Sequence[str]) -> list[Run]:
        """These runs, without those that are gone, and those whose row or file is damaged: reading
        such a run alone says so."""
        with Pool(_READERS, "runs") as pool:
            return [one for one in pool.map(self._shown, run_ids) if one is not None]

    def _shown(self, started: str) -> Run | None:
        try:
            return self._found(started)
        except Damaged as error:
            event(
                _logger,
                Event.WORKFLOW_UNREADABLE,
                level=logging.ERROR,
                run_id=started,
                error=str(error),
            )
            return None

    def jobs(self, run: Run, places: Sequence[Place]) -> list[Job]:
        """The jobs of these steps of a run, also of one in a file."""
        if run.etag:
            return self.advancing.jobs.of(places, run)
        found = self.archived(run.id)
        known = {one.schedule_id: one for one in found.jobs} if found is not None else {}
        wanted = (one.schedule_id(run.id) for one in places)
        return [known[one] for one in wanted if one in known]

    def events(self, run: Run) -> list[Arrived]:
        """The events that came for a run, also of one in a file, oldest first."""
        found = None if run.etag else self.archived(run.id)
        events = self.store.events(run.id) if found is None else found.events
        return sorted(events, key=lambda one: (one.at, one.key))

    def cancel(self, started: str, reason: str) -> Run:
        """Cancel a run, and undo what it did. Raises `NotFound`, `Conflict` if it has ended."""
        if not (found := self.get(started)).is_open:
            raise Conflict(f"{started} has ended: {found.status}")
        return self.advancing.stop(started, reason)

    def redo(self, started: str, by: Caller = LOCAL) -> Run:
        """Begin a run anew where it failed: steps that succeeded are not repeated. Whoever asks for
        it may approve nothing of it from then on. Raises `NotFound`, `Conflict` if there is nothing
        to repeat."""
        run, now = self.get(started), self.clock.now()
        definition = self.store.definition(run.digest)
        if run.is_open:
            return run
        if run.status is RunStatus.SUCCEEDED:
            raise Conflict(f"{started} succeeded; start another run")
        if run.etag == "":
            raise _in_a_file(started)
        if any(one.undo is not None for one in run.steps.values()):
            raise Conflict(f"what {started} did was undone; start another run")
        again = anew(run, by.name, _deadline(definition, now))
        written = self.advancing.begin(again, self._deadline(again, now))
        if written is None:
            after = self.get(started)
            if after.etag == "":
                raise _in_a_file(started)
            return after
        self.roll.turn(written)
        return written

    def send(self, started: str, name: str, data: Mapping[str, object], *, key: str) -> bool:
        """Send a run an event, which ends a wait for it, now or later; False if the event of that
        `key` came before. Raises `NotFound`, `Conflict` if the run has ended."""
        run = self.get(started)
        definition = self.store.definition(run.digest)
        awaited = names(definition)
        if name not in awaited:
            known = ", ".join(awaited) or "none"
            raise NotFound(f"{started} waits for no event {name!r}; it waits for: {known}")
        if not run.is_open:
            raise Conflict(f"{started} has ended: {run.status}")
        if sum(1 for _ in self.store.events(started)) >= MAX_EVENTS:
            raise Conflict(f"{started} has had {MAX_EVENTS} events; it takes no more")
        digest = hashlib.sha256(key.encode()).hexdigest()[:32]
        new = compare_and_set(started, lambda: self._sent(started, name, digest, data))
        for schedule in self._waiting(self.get(started)):  # also what began to wait meanwhile
            for live in schedule.progress.live:
                self.advancing.waking.wake(live.id)
        return new

    def _sent(
        self, started: str, name: str, digest: str, data: Mapping[str, object]
    ) -> bool | None:
        """Store the event; whether it is new. What waits for it is woken in the same transaction,
        so that the sweep finds it if this process is killed."""
        if self.store.has_event(started, name, digest):
            return False
        now = self.clock.now()
        changes = [
            Change(one, replace(one, progress=one.progress.put(woken(live, now))))
            for one in self._waiting(self.get(started))[:_TOGETHER]
            for live in one.progress.live
        ]
        return self.store.add_event(started, name, digest, data, changes) or None

    def _waiting(self, run: Run) -> list[Schedule]:
        """The schedules of the steps under way that wait for events."""
        definition = self.store.definition(run.digest)
        numbers = {one.number for one in waiting(definition)}
        places = open_places(run, definition)
        ids = [one.schedule_id(run.id) for one in places if one.number in numbers and not one.undo]
        return list(self.advancing.table.many(ids).values())

    def run(
        self, job: JobContext, workflow_id: str, given: Mapping[str, object]
    ) -> Mapping[str, object]:
        """As `WorkflowService.run`."""
        above = run_of(job.schedule_id)
        depth = 0 if above is None else self.get(above).depth + 1
        started = self.store.get(run_id(job.job_id))
        if started is None:
            wanted = self.asked(workflow_id, job.project_id)
            by = Caller.of_task("workflow")
            started = self.start(
                wanted, given, key=job.job_id, by=by, parent=job.job_id, depth=depth
            )
        if started.is_open:
            self.advancing.heal(started.id)
            started = self.get(started.id)
        if started.is_open:
            raise Held(self.clock.now() + _LOOK, f"run {started.id} has not ended")
        if started.status is not RunStatus.SUCCEEDED:
            raise Refused(f"run {started.id}", f"{started.status}: {started.reason}")
        return {"run_id": started.id, "status": started.status.value}

    def receive(self, job: JobContext, name: str, timeout_seconds: int) -> Mapping[str, object]:
        """As `WorkflowService.receive`."""
        started = run_of(job.schedule_id)
        if started is None:
            raise Invalid("task_type", "only a step of a workflow can wait for an event")
        until = job.due_at + timedelta(seconds=timeout_seconds)
        arrived = sorted(self.store.events(started, name), key=lambda one: (one.at, one.key))
        mine = next((one for one in arrived if _is_of(one.taken_by, job)), None)
        free = (one for one in arrived if not one.taken_by and one.at <= until)
        found = mine or next((one for one in free if self._took(started, one, job)), None)
        if found is not None:
            return {"name": name, "at": found.at.isoformat(), "data": dict(found.data)}
        if self.clock.now() >= until:
            raise Refused(f"event {name}", f"it did not come within {timeout_seconds} s")
        raise Held(until, f"event {name} has not come")

    def _took(self, started: str, one: Arrived, job: JobContext) -> bool:
        return self.store.take(started, one, job.job_id)

    def _deadline(self, run: Run, now: datetime) -> list[Schedule]:
        if run.deadline is None:
            return []
        return [deadline_of(run, self.tasks, run.deadline, now)]


def _is_of(taken_by: str, job: JobContext) -> bool:
    """Whether this step has the event: in an attempt before, or before it was begun anew."""
    if not taken_by:
        return False
    other = parse_id(taken_by)[0]
    return effect_key(other, taken_by) == effect_key(job.schedule_id, job.job_id)


def _in_a_file(started: str) -> Conflict:
    return Conflict(f"{started} ended long ago and was archived; start another run")


def _deadline(definition: Definition, now: datetime) -> datetime | None:
    if definition.deadline_seconds is None:
        return None
    return now.replace(microsecond=0) + timedelta(seconds=definition.deadline_seconds)
