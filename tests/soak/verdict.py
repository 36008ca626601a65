"""What storage says at the end, and whether it says what the hosts noted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from shared.app import App
from shared.schedules.claim import SILENT
from shared.schedules.fold import fold
from shared.schedules.job import ENDED, Job, Status, job_id
from shared.schedules.model import Schedule
from tests.soak.noted import Noted

_WRITTEN = 300.0
"""Seconds of the fast clock (six of life) from a job's end to its row, in a storm."""
_UNBEGUN = 0.05
"""The share of attempts that may be lost between the commit of their lease and their first step."""


@dataclass(slots=True)
class Rows:
    """What storage says at the end."""

    schedules: dict[str, Schedule]
    jobs: dict[str, Job]

    @staticmethod
    def read(app: App) -> Rows:
        return Rows(
            {one.id: one for one in app.table.schedules()},
            {job.id: job for job in app.table.jobs()},
        )

    def live(self) -> list[str]:
        """Jobs that have not ended."""
        return [
            job.id
            for one in self.schedules.values()
            for job in one.progress.live
            if job.id not in self.jobs
        ]

    def problems(self, noted: Noted) -> Iterator[str]:
        """Where rows, counts and traces say different things."""
        started = defaultdict(set)
        for job_id_, number in noted.attempts:
            started[job_id_].add(number)
        for name in started.keys() - self.jobs.keys():
            yield f"{name} was started, and there is no such job"
        for job in self.jobs.values():
            attempts = started.get(job.id, set())
            if job.status not in ENDED:
                yield f"{job.id} has a row and is {job.status}"
            if job.status is Status.SUCCEEDED and job.attempt not in attempts:
                yield f"{job.id} succeeded with attempt {job.attempt}; started: {attempts}"
            done = noted.effects[job.id] or job.id in noted.refused
            if job.status is Status.SUCCEEDED and not done:
                yield f"{job.id} succeeded without its effect"
            for later in (number for number in attempts if number > job.attempt):
                # One whose worker lost its lease may end the job while another runs it.
                began = noted.attempts[job.id, later].began
                if job.finished_at is None or began > job.finished_at.timestamp() + _WRITTEN:
                    yield f"{job.id} ended with attempt {job.attempt}, then {later} was started"
            own = job.status is Status.SKIPPED and job.attempt in attempts  # its task says so
            if job.status in (Status.SKIPPED, Status.MISSED) and attempts and not own:
                yield f"{job.id} is {job.status} and was started: {attempts}"
            if job.status is Status.FAILED and not attempts and not _unbegun(job):
                yield f"{job.id} failed and never ran: {job.error}, {job.reason}"
        unbegun = [job.id for job in self.jobs.values() if _unbegun(job) and job.id not in started]
        if len(unbegun) > max(3, len(noted.attempts) * _UNBEGUN):
            yield f"{len(unbegun)} of {len(noted.attempts)} never began: {unbegun}"
        yield from self._counts()
        yield from self._traces(noted)

    def _traces(self, noted: Noted) -> Iterator[str]:
        """Where an attempt, such as one after a kill, left the trace of what caused its job."""
        caused = {job.id: job.trace_id for job in self.jobs.values() if job.trace_id is not None}
        for attempt in noted.attempts.values():
            wanted = caused.get(attempt.job, attempt.trace)
            if attempt.trace is None or attempt.trace != wanted:
                yield f"{attempt} is in the trace {attempt.trace}, its job in {wanted}"

    def _counts(self) -> Iterator[str]:
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for job in self.jobs.values():
            if job.backfill is not None:  # counted by the backfill alone
                continue
            found[job.schedule_id][job.status.value] += job.count
        for one in self.schedules.values():
            done = {job.id: self.jobs[job.id] for job in one.progress.live if job.id in self.jobs}
            told = fold(one.progress, done)
            said = Counter(
                succeeded=told.success_count,
                failed=told.failure_count,
                skipped=told.skipped_count,
                missed=told.missed_count,
                cancelled=told.cancelled_count,
            )
            if said != found[one.id]:
                yield f"{one.id} counts {dict(+said)}; its jobs are {dict(found[one.id])}"

    def missing(self, schedule: Schedule, due: Iterable[Any]) -> list[str]:
        """Occurrences without a job, and within no stretch."""
        of_it = [job for job in self.jobs.values() if job.schedule_id == schedule.id]
        stretches = [job for job in of_it if job.count > 1]
        wanted = {job_id(schedule.id, at): at for at in due}
        return [
            name
            for name, at in wanted.items()
            if name not in self.jobs
            and not any(one.due_at <= at <= one.due_until for one in stretches)
        ]


def _unbegun(job: Job) -> bool:
    """Whether its last worker may have been killed before the first step.

    The lease was committed, which is an attempt; that nothing was done yet, nobody can know.
    """
    return job.status is Status.FAILED and SILENT in (job.error or "")
