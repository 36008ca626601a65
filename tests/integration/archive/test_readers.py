"""Readers see the same before, during and after jobs are archived."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from local.azurite import Azurite
from shared.schedules.job import Status, job_id
from shared.schedules.series import Bucket
from tests.integration.archive.past import DAY, HOUR, Past, listed, run, seen
from tests.integration.engine.conftest import START, make


def test_readers_see_the_same_before_and_after(past: Past) -> None:
    one = past.schedule(6)
    due = [START + 6 * HOUR * number for number in range(1, 4 * 60)]
    past.end(*(run(one, at) for at in due[:100]))
    for at in due[100:150]:
        past.end(run(one, at, status=Status.FAILED, error="it broke"))
    past.end(*(run(one, at) for at in due[150:]))
    past.counted(one, due[-1])
    past.told()
    past.engine.clock.set(due[-1] + HOUR)
    before = seen(past, START, past.engine.clock.now())
    assert before["reconciled"]["unexplained"] == 0
    done = past.archive()
    assert done["archived"] == done["removed"] > 90
    assert past.rows() == {job_id(one.id, at) for at in due if at >= done_border(past)}
    assert seen(past, START, past.engine.clock.now()) == before
    assert past.archive()["archived"] == 0


def done_border(past: Past) -> datetime:
    at = past.engine.clock.now() - timedelta(days=30)
    return at.replace(hour=0, minute=0, second=0)


def test_the_index_of_jobs_has_archived_jobs_even_if_it_is_built_anew(past: Past) -> None:
    one = past.schedule(6)
    due = [START + 6 * HOUR * number for number in range(1, 40)]
    past.end(*(run(one, at) for at in due))
    past.counted(one, due[-1])
    past.engine.clock.set(START + 60 * DAY)
    before = listed(past.app, one.id)
    past.app.packing.rebuild(lambda: None)
    past.archive()
    assert len(past.rows()) == 1
    assert listed(past.app, one.id) == before, "by its chunks"
    assert past.app.packing.rebuild(lambda: None).jobs == len(past.ids)
    assert listed(past.app, one.id) == before
    assert past.app.table.end([run(one, due[3])]) == [True]
    assert past.app.packing.rebuild(lambda: None).jobs == len(past.ids), "in both, it is one job"


def test_a_job_that_moves_between_two_reads_is_found(past: Past, azurite: Azurite) -> None:
    """All moves right before the catalog is read, after the table was; and right before the table
    is read: a reader that had asked the catalog first would miss it."""
    one = past.schedule(6)
    due = [START + 6 * HOUR * number for number in range(1, 40)]
    past.end(*(run(one, at) for at in due))
    past.counted(one, due[-1])
    past.engine.clock.set(START + 60 * DAY)
    ids = past.ids[:5]
    before = past.app.ended.jobs(one.id), past.app.ended.whole(ids), past.app.manager.job(ids[0])
    ran = series(past)
    mover = Past(make(azurite, past.app.settings.prefix, clock=past.engine.clock, prepared=True))
    catalog = past.app.ended._archive._catalog
    real = catalog._rows

    def moved(*rest: Any) -> Any:
        if past.rows() == set(past.ids):
            mover.archive()
        return real(*rest)

    catalog._rows = moved
    assert past.app.ended.jobs(one.id) == before[0]
    assert len(past.rows()) == 1
    assert past.app.ended.whole(ids) == before[1]
    assert past.app.manager.job(ids[0]) == before[2]
    past.app.table.end([job for job in before[0] if job.id not in past.rows()])
    assert series(past) == ran
    assert len(past.rows()) == 1

    catalog._rows = real
    other = past.schedule(6)
    past.end(*(run(other, at) for at in due))
    past.counted(other, due[-1])
    jobs = past.app.table.jobs
    expected = list(jobs(other.id))

    def moving(*rest: Any) -> Any:
        mover.archive()
        return jobs(*rest)

    past.app.table.jobs = moving
    assert past.app.ended.jobs(other.id) == expected


def series(past: Past) -> Any:
    app = past.app
    found = app.history.series(app.registry.get("works"), START, START + 20 * DAY, Bucket.DAY)
    return [(begin, one.counts, one.metrics, one.duration) for begin, one in found]
