"""What a creation asks of storage. Neighbours cost a range of rows in each shard, and a query for
how long they take only if they ever ran."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.faults.conftest import Faulty
from tests.integration.faults.test_idempotency import post

BODY: dict[str, Any] = {
    "name": "a",
    "task_type": "works",
    "frequency": "interval",
    "interval_seconds": 3600,
    "start_time": "2026-03-01T12:30:00Z",
}
LATER = BODY | {"start_time": "2026-03-01T15:30:00Z"}
ALONE = 13
"""Requests of a creation with a key and no neighbour, with two shards and an index that is loaded:
four for the row of the request, four for that of the schedule, and five by which the index learns
what changed."""


@pytest.mark.parametrize(
    ("others", "run", "rows", "learned"),
    [(0, False, 0, 0), (20, False, 2, 0), (20, True, 2, 5)],
)
def test_what_neighbours_cost(
    faulty: Faulty, others: int, run: bool, rows: int, learned: int
) -> None:
    for number in range(others):
        post(faulty, "/schedules", f"o{number}", BODY)
    if run:
        faulty.later(1800)
        faulty.calm.tick()
        faulty.calm.work()
    post(faulty, "/schedules", "other", LATER | {"task_type": "slow"})
    faulty.engine.app.listing.refresh()
    faulty.proxy.log.reset()
    answer = post(faulty, "/schedules", "key", LATER)
    assert answer.status_code == 201, answer.text
    told = [one["code"] for one in answer.json()["warnings"]]
    assert told == ["meets_another"] * min(others, 3)
    paths = [one.path for one in faulty.proxy.log.entries]
    assert sum("'job:" in one for one in paths) == learned
    assert len(paths) == ALONE + rows + learned, paths
