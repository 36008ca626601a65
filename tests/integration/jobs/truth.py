"""What the rows of schedules and jobs say, read one by one: what every list must show."""

from __future__ import annotations

from collections import Counter

from shared.app import App
from shared.engine.dispatch import sweep as sweeps
from shared.engine.records.job_packing import Packed
from shared.jobs.entry import Filter
from shared.schedules.job import Job, Status
from shared.schedules.record import of_live
from tests.jobs import busy, jobs_of


def pack(app: App) -> Packed:
    return app.packing.pack(lambda: None)


def sweep(app: App) -> None:
    """What a tick's sweep does now."""
    app.sweep.sweep_if_needed(app.meta.fact(sweeps.ROW), app.clock.now())


def true_jobs(app: App) -> dict[str, Job]:
    """Every job there is, by id."""
    live = {job.id: of_live(one, job) for one in busy(app) for job in one.progress.live}
    return live | {job.id: job for job in app.table.jobs()}


def assert_exact(app: App, when: str = "", *, indexed: bool = True) -> None:
    """Lists, totals and sums say what the rows say, each job once; and whether the index does."""
    truth = true_jobs(app)
    listed = jobs_of(app)
    ids = [job.id for job in listed]
    assert app.jobs.check(lambda: None).good == indexed, when
    order = sorted(truth.values(), key=lambda job: (job.due_until, job.id), reverse=True)
    assert ids == [job.id for job in order], when
    assert {job.id: job.status for job in listed} == {k: v.status for k, v in truth.items()}, when
    assert app.jobs.page(Filter(), 0, 3).total == len(truth), when
    for status in Status:
        wanted = [job for job in truth.values() if job.status is status]
        assert app.jobs.page(Filter(status=status), 0, 1).total == len(wanted), (when, status)
    counts = app.jobs.counts(Filter())
    by_status: Counter[Status] = Counter()
    for job in truth.values():
        by_status[job.status] += job.count
    assert {s: n for s, n in counts.occurrences.items() if n} == dict(by_status), when
