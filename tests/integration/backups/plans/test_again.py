"""A run that is asked for right after another: nobody takes it for a backup that it is not."""

from __future__ import annotations

from tests.integration.backups.client import Client
from tests.integration.backups.plans.setup import here


def test_right_after_the_last_it_is_refused_unless_the_person_insists(client: Client) -> None:
    plan = client.plan()
    last = client.taken(plan)
    run = f"{here(plan)}/run"
    refused = client.problem(409, "POST", run)["detail"]
    assert last["id"] in refused and 'send {"force": true}' in refused
    job = client.done(client.told("POST", run, {"force": True}))
    assert job.result is not None and "skipped" not in job.result
    client.problem(409, "POST", run)
    client.engine.later(180)
    client.done(client.told("POST", run))


def test_one_that_took_nothing_is_skipped_and_says_why(client: Client) -> None:
    plan = client.plan()
    last = client.taken(plan)
    asked = client.app.manager.run_now(plan["schedule_id"], force=True)
    job = client.done({"job_id": asked.job_id}, "skipped")
    assert job.reason == f"database: backup {last['id']} ended less than two minutes ago"
    assert client.app.manager.get(plan["schedule_id"]).progress.skipped_count == 1
    execute = f"/schedules/{plan['schedule_id']}/execute"
    client.done(client.told("POST", execute, {"force": True}))
