"""Readers see the same before, during and after jobs are archived."""

from __future__ import annotations

from datetime import timedelta

from shared.schedules.job import Status, job_id
from tests.integration.archive.past import DAY, HOUR, Past, run, seen
from tests.integration.engine.conftest import START


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


def done_border(past: Past) -> object:
    at = past.engine.clock.now() - timedelta(days=30)
    return at.replace(hour=0, minute=0, second=0) + 0 * DAY
