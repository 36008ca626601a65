"""An outage, and its verdict: which of what was due in it started, and why the rest did not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.app import App
from shared.schedules.job import Job, Status
from shared.schedules.model import CatchUp, Schedule
from tests.soak.cells import LONGEST, Cell, cells
from tests.soak.pace import Pace
from tests.soak.world import add

_ROUNDED = timedelta(seconds=1)


@dataclass(slots=True)
class Outage:
    """One, with the schedules that are due in it."""

    cells: Sequence[Cell]
    killed: datetime | None = None
    """When the hosts were killed, if they were."""

    @staticmethod
    def prepare(calm: App, number: int, pace: Pace, seconds: float) -> Outage:
        """Create what is due in an outage that begins in so many seconds of life."""
        killed = calm.clock.now() + pace.fast(seconds)
        made = list(cells(number, killed, killed + pace.fast(LONGEST), pace))
        add(calm, [(one.id, one.definition, one.policy) for one in made])
        return Outage(made)

    @property
    def proves(self) -> bool:
        """Whether no host ran any more when the first came due."""
        first = min(one.due[0] for one in self.cells)
        return self.killed is not None and self.killed < first

    def over(self, schedules: Mapping[str, Schedule], jobs: Mapping[str, Job]) -> bool:
        """Whether all that was due in it has ended, so that nothing can start any more."""
        return all(
            (one := schedules[cell.id]).progress.next_run_at not in cell.due
            and all(live.id in jobs for live in one.progress.live if live.due_at in cell.due)
            for cell in self.cells
        )

    def problems(self, jobs: Mapping[str, Sequence[Job]]) -> Iterator[str]:
        """What happened that must not have. `jobs`: by schedule."""
        for cell in self.cells:
            of_it = [job for job in jobs.get(cell.id, ()) if job.due_at in cell.due]
            yield from judge(cell, of_it)

    def started(self, jobs: Mapping[str, Sequence[Job]]) -> int:
        """How many of its occurrences ran."""
        return sum(
            job.first_started_at is not None and job.due_at in cell.due
            for cell in self.cells
            for job in jobs.get(cell.id, ())
        )


def by_schedule(jobs: Iterable[Job]) -> dict[str, list[Job]]:
    """The schedules' own ones."""
    found: dict[str, list[Job]] = {}
    for job in jobs:
        if not job.manual:
            found.setdefault(job.schedule_id, []).append(job)
    return found


def judge(cell: Cell, jobs: Sequence[Job]) -> Iterator[str]:
    """What is wrong with how a schedule came out of an outage."""
    began = {job.due_at: job.first_started_at for job in jobs if job.first_started_at is not None}
    told = f"{cell.id} started {[f'{at:%T}' for at in sorted(began)]} of {len(cell.due)}"
    if not cell.must <= began.keys() <= cell.may or not cell.least <= len(began) <= cell.most:
        must = [f"{at:%T}" for at in sorted(cell.must)]
        yield f"{told}; must: {must}, in all {cell.least} to {cell.most}"
    in_order = sorted(began, key=lambda due: began[due])
    if in_order != sorted(began):
        yield f"{told}, not the oldest first: {[f'{at:%T}' for at in in_order]}"
    unrun = [job for job in jobs if job.due_at not in began]
    explained = sum(job.count for job in unrun)
    if len(began) + explained != len(cell.due):
        yield f"{told}, and {explained} are explained"
    if cell.rows is not None and len(unrun) > cell.rows:
        yield f"{cell.id} has {len(unrun)} rows for the {explained} that did not run"
    for job in unrun:
        if not any(_right(cell, job)):
            yield f"{job.id} is {job.status}, finished {job.finished_at}: {job.reason}"


def _right(cell: Cell, job: Job) -> Iterator[bool]:
    """Whether each of the reasons that there are is the right one, and is given."""
    policy, reason = cell.policy, job.reason or ""
    grace = timedelta(seconds=policy.misfire_grace_seconds)
    longest = grace + timedelta(seconds=policy.jitter_seconds)
    ended = job.finished_at or job.due_at
    starts_all = policy.catch_up is CatchUp.ALL
    is_missed, is_skipped = job.status is Status.MISSED, job.status is Status.SKIPPED
    within = f"within misfire_grace_seconds ({policy.misfire_grace_seconds})"
    late = ended - job.due_until > grace - _ROUNDED
    yield is_missed and reason.endswith(within) and not starts_all and late
    in_time = ended - job.due_at <= longest + _ROUNDED
    yield is_skipped and "a later occurrence was due" in reason and not starts_all and in_time
    too_old = f"catch_up_limit ({policy.catch_up_limit})" in reason
    yield is_missed and too_old and starts_all and job.due_until not in cell.may
    yield is_skipped and reason.endswith(f"(overlap: {policy.overlap})")
    paused = policy.pause_after_failures is not None and "paused" in reason
    yield job.status is Status.CANCELLED and paused
