"""A run that is asked for right after another: nobody takes it for a backup that it is not."""

from __future__ import annotations

from tests.integration.backups.api_desk import Desk
from tests.integration.backups.plans.setup import here


def test_right_after_the_last_it_is_refused_unless_the_person_insists(desk: Desk) -> None:
    plan = desk.plan()
    last = desk.taken(plan)
    run = f"{here(plan)}/run"
    refused = desk.problem(409, "POST", run)["detail"]
    assert last["id"] in refused and 'send {"force": true}' in refused
    job = desk.done(desk.told("POST", run, {"force": True}))
    assert job.result is not None and "skipped" not in job.result
    desk.problem(409, "POST", run)
    desk.bench.later(180)
    desk.done(desk.told("POST", run))


def test_one_that_took_nothing_is_skipped_and_says_why(desk: Desk) -> None:
    plan = desk.plan()
    last = desk.taken(plan)
    asked = desk.app.manager.run_now(plan["schedule_id"], force=True)
    job = desk.done({"job_id": asked.job_id}, "skipped")
    assert job.reason == f"database: backup {last['id']} ended less than two minutes ago"
    assert desk.app.manager.get(plan["schedule_id"]).progress.skipped_count == 1
    execute = f"/schedules/{plan['schedule_id']}/execute"
    desk.done(desk.told("POST", execute, {"force": True}))
