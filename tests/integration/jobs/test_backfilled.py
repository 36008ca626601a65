"""What backfills ran is counted apart: in statistics, series, metrics, health and run times."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.schedules.health import RATED
from shared.schedules.job import Status, backfill_of, job_id
from shared.storage.tables.history import PAGES
from shared.storage.tables.run_times import RunTimes
from tests.integration.archive.past import run
from tests.integration.engine.conftest import START, Engine
from tests.integration.engine.test_backfill import minutely, past, run_out
from tests.integration.jobs.conftest import Counter
from tests.integration.jobs.truth import pack, sweep
from tests.integration.metrics.scraped import scrape, value

NOTHING = {"runs": 0, "succeeded": 0, "failed": 0, "skipped": 0, "cancelled": 0}
AGAIN = NOTHING | {"runs": 3, "failed": 3}


def settled(engine: Engine) -> None:
    """Let what ended be filed."""
    engine.later(100)
    sweep(engine.app)


def told(counter: Counter) -> dict[str, dict[str, Any]]:
    """All that counts runs, and what it says."""
    days = counter.told("GET", "/schedules/statistics/daily?from=2026-03-01&to=2026-03-01")
    span = "from=2026-02-28T00:00:00Z&to=2026-03-02T00:00:00Z"
    return {
        "summary": counter.told("GET", "/schedules/statistics/summary"),
        "day": days["days"][0],
        "runs": counter.told("GET", f"/tasks/fails/metrics?{span}&bucket=run"),
        "days": counter.told("GET", f"/tasks/fails/metrics?{span}&bucket=day"),
    }


@pytest.mark.parametrize("packed", [False, True])
def test_statistics_and_series_count_them_apart(counter: Counter, packed: bool) -> None:
    engine = counter.engine
    made = engine.add("fails", recurrence=minutely(), max_runs=1, max_attempts=1, project_id=1)
    engine.later(60)
    engine.tick()
    engine.work()
    settled(engine)
    before = told(counter)
    assert [one.pop("backfilled") for one in before.values()] == [NOTHING] * 4
    engine.app.backfills.start(made.id, past(3))
    run_out(engine)
    settled(engine)
    if packed:
        pack(engine.app)
    after = told(counter)
    assert [one.pop("backfilled") for one in after.values()] == [AGAIN] * 4
    assert after == before
    other = counter.told("GET", "/schedules/statistics/summary?project_id=2")
    assert other["backfilled"] == NOTHING


def test_metrics_count_them_apart_packed_or_not_and_dead_letters_with_the_others(
    engine: Engine,
) -> None:
    made = engine.add("fails", recurrence=minutely(), max_runs=1, max_attempts=1, project_id=1)
    engine.later(60)
    engine.tick()
    engine.work()
    engine.app.backfills.start(made.id, past(3))
    run_out(engine)
    settled(engine)
    for step in (pack, lambda app: app.packing.rebuild(lambda: None), None):
        found = scrape(engine.app)
        labels = {"schedule_id": made.id, "status": "failed"}
        assert value(found, "commandcenter_schedule_runs_total", **labels) == 1
        assert value(found, "schedule_success_rate", schedule_id=made.id) == 0
        lasted = "commandcenter_schedule_execution_duration_seconds_count"
        assert value(found, lasted, schedule_id=made.id) == 1
        of_task = {"task_type": "fails", "status": "failed"}
        assert value(found, "belfry_jobs_total", **of_task) == 1
        assert value(found, "belfry_backfill_jobs_total", **of_task) == 3
        assert value(found, "belfry_dead_letters_total") == 4
        theirs = scrape(engine.app, frozenset({2}))
        assert value(theirs, "belfry_backfill_jobs_total", **of_task) is None
        if step is not None:
            step(engine.app)


def test_health_and_run_times_look_past_them(engine: Engine) -> None:
    """However many there are, as long as the pages that are read have others too."""
    made = engine.add(max_attempts=1)
    due = [START - timedelta(minutes=number) for number in range(1, 61)]
    own = [run(made, at) for at in due]
    again = [
        run(made, at, f"b{number}aaaa", finished_at=at + timedelta(hours=1), status=Status.FAILED)
        for at in due
        for number in range(1, PAGES)
    ]
    assert all(backfill_of(one.id) for one in again)
    assert all(engine.app.table.end(own + again))
    found = engine.app.health._history.last(made.id, 60)
    assert [one.job_id for one in found] == [job_id(made.id, at) for at in due]
    health = engine.app.health.examine(made, START)
    assert health.runs == len(own) < RATED and not health.reasons
    app = engine.app
    times = RunTimes(app.connection.table(f"{app.settings.prefix}schedules"), app.table)
    assert times.last(made.id, len(due)) == [59.0] * len(due)
