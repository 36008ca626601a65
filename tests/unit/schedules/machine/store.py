"""What the machine works on: a schedule of some kind, and the store that holds it.

The store is what Table Storage gives the engine, in memory: compare-and-set of one schedule's row,
and rows of ended jobs that can be inserted once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from shared.engine.work.attempt import Stop
from shared.recurrence import Frequency, Recurrence, occurrences
from shared.schedules.job import Job, job_id
from shared.schedules.model import CatchUp, LiveJob, Overlap, Policy, Schedule, Version

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
AHEAD = timedelta(seconds=75)
LEASE = timedelta(seconds=60)
SECOND = timedelta(seconds=1)

_Interval = Frequency.INTERVAL
RECURRENCES = [
    Recurrence(frequency=_Interval, interval_seconds=60, start_time=START),
    Recurrence(frequency=_Interval, interval_seconds=25, start_time=START),
    Recurrence(frequency=_Interval, interval_seconds=300, start_time=START),
    Recurrence(frequency=Frequency.HOURLY),
    Recurrence(
        frequency=_Interval,
        interval_seconds=60,
        start_time=START,
        end_time=START + timedelta(seconds=1800),
    ),
]
POLICIES = st.builds(
    Policy,
    misfire_grace_seconds=st.sampled_from([60, 900]),
    catch_up=st.sampled_from(CatchUp),
    catch_up_limit=st.sampled_from([3, 20]),
    overlap=st.sampled_from(Overlap),
    jitter_seconds=st.sampled_from([0, 0, 20, 100]),
    max_runs=st.sampled_from([None, None, None, 1, 5, 12]),
    pause_after_failures=st.sampled_from([None, 1, 2, 3]),
    max_attempts=st.integers(1, 3),
    max_retry_delay_seconds=st.just(120),
)


class Store:
    """One schedule's row, and the rows of its ended jobs."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = replace(schedule, etag="0")
        self.jobs: dict[str, Job] = {}
        self.answered: set[str] = set()
        """Those of the jobs, and of each occurrence of a stretch."""
        self.versions: list[Version] = []

    def commit(
        self,
        before: Schedule,
        after: Schedule,
        jobs: tuple[Job, ...] = (),
        versions: tuple[Version, ...] = (),
    ) -> bool:
        if before.etag != self.schedule.etag or any(job.id in self.jobs for job in jobs):
            return False
        self.schedule = replace(after, etag=str(int(before.etag) + 1))
        for job in jobs:
            self._keep(job, before)
        self.versions += versions
        return True

    def _keep(self, job: Job, before: Schedule) -> None:
        names = {job.id}
        if job.count > 1:
            due = occurrences(before.definition.recurrence, job.due_at, job.due_until)
            names |= {job_id(job.schedule_id, at) for at in due}
            assert len(names) == job.count
        assert not names & self.answered, "ended twice"
        assert not names & {live.id for live in self.schedule.progress.live}, "ended and live"
        self.jobs[job.id] = job
        self.answered |= names

    def end(self, job: Job) -> bool:
        self.answered.add(job.id)
        return self.jobs.setdefault(job.id, job) is job

    def ended(self, schedule: Schedule, asked: str | None = None) -> dict[str, Job]:
        """What the worker reads: the begun ones, and the one asked for if it is not live."""
        wanted = {job.id for job in schedule.progress.live if job.begun}
        if asked is not None and schedule.progress.find(asked) is None:
            wanted.add(asked)
        return {one: self.jobs[one] for one in wanted if one in self.jobs}


@dataclass
class Run:
    """An attempt at work. One that is a zombie goes on although its lease has ended."""

    schedule: Schedule
    live: LiveJob
    asked: Stop | None = None
