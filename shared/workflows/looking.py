"""Reads what a run needs besides its row: jobs of its steps, and their results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.archive.jobs import EndedJobs
from shared.schedules.job import Job
from shared.schedules.model import Schedule
from shared.schedules.record import of_live
from shared.storage.tables.schedules import ScheduleTable
from shared.workflows.computing import Wrong
from shared.workflows.model import Definition, Step
from shared.workflows.names import Place, job_of
from shared.workflows.state import Fan, Run, StepState, StepStatus
from shared.workflows.store import RunStore


def open_places(run: Run, definition: Definition) -> Iterator[Place]:
    """Where jobs of the run have not been counted yet."""
    for step in definition.steps:
        state = run.steps.get(step.id, StepState())
        for undo, fan in ((False, state.work), (True, state.undo)):
            for item in fan.open if fan is not None else ():
                yield _place(step, state, fan or Fan(), item, undo=undo)


def _place(step: Step, state: StepState, fan: Fan, item: int, *, undo: bool) -> Place:
    return Place(number=step.number, undo=undo, item=item if fan.each else None, group=state.group)


@dataclass(frozen=True, slots=True)
class Jobs:
    """The jobs of steps. Raises `Unavailable` or `Refused` if storage fails."""

    table: ScheduleTable
    ended: EndedJobs

    def of(self, places: Iterable[Place], run: Run) -> list[Job]:
        """The job of each of these places that has one, ended or not."""
        ids = [one.schedule_id(run.id) for one in places]
        rows = self.table.many(ids)
        lives = {one.id: live for one in rows.values() for live in one.progress.live}
        names = {one: live.id for one, live in lives.items()}
        names |= {one: _made_for(rows[one]) for one in rows if one not in names}
        ended = self.ended.whole(names.values())
        found: list[Job] = []
        for one in ids:
            job = ended.get(names[one]) if one in rows else self.table.newest(one)
            if job is None and one in lives:
                job = of_live(rows[one], lives[one])
            found += [] if job is None else [job]
        return found

    def one(self, job_id: str) -> Job | None:
        """A job that has ended, wherever it is stored."""
        return self.ended.whole([job_id]).get(job_id)


@dataclass(frozen=True, slots=True)
class Looking:
    """What a decision looks at (`deciding.Look`). `known`: jobs that just ended, by schedule."""

    runs: RunStore
    jobs: Jobs
    known: Mapping[str, Job]
    url: Callable[[str, str], str]
    """(a run, an event) -> where that event is sent; empty if nobody knows where the app is."""

    def outcome(self, run: Run, step: Step, state: StepState) -> Mapping[str, object]:
        """As `Look.outcome`."""
        result: object = None
        work = state.work
        if work is not None and work.each:
            failed = len(work.failed)
            result = {"total": work.total, "succeeded": work.succeeded, "failed": failed}
        elif work is not None and state.started_at is not None:
            result = self._result(run, step, state)
        return {"status": state.status.value, "result": result, "error": state.error}

    def items(self, run: Run, step: Step) -> Sequence[object]:
        """As `Look.items`."""
        return self.runs.items(run.id, step.number)

    def event_url(self, run: Run, name: str) -> str:
        """As `Look.event_url`."""
        if found := self.url(run.id, name):
            return found
        raise Wrong(f"run.events.{name}: PUBLIC_BASE_URL is not set, so events have no URL")

    def _result(self, run: Run, step: Step, state: StepState) -> object:
        place = Place(number=step.number, group=state.group)
        job = self.known.get(place.schedule_id(run.id))
        if job is None and state.started_at is not None and state.status in _RAN:
            job = self.jobs.one(place.job_id(run.id, state.started_at))
        return dict(job.result) if job is not None and job.result is not None else None


def _made_for(schedule: Schedule) -> str:
    """The id of the one job of a step's schedule (`making`)."""
    at = schedule.definition.recurrence.start_time or schedule.created_at
    return job_of(schedule.id, at)


_RAN = (StepStatus.SUCCEEDED, StepStatus.FAILED, StepStatus.CANCELLED)
