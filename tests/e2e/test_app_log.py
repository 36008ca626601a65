"""What the app itself says in `make start`'s log: a newcomer learns from it what it did."""

from __future__ import annotations

import httpx

from tests.e2e.conftest import Belfry
from tests.spans import CALLER, TRACE
from tests.waiting import until


def test_the_first_start_tells_what_was_made_and_no_error(first: Belfry) -> None:
    said = first.log()
    for word in ("schedule_created schedule_id=postgres_backup", "next_run schedule_id=postgres_b"):
        assert f" {word}" in said
    assert said.index("schedule_created") < said.index("app_started tasks=")
    assert "rror" not in said and "cannot" not in said


def test_a_later_start_tells_what_settings_changed(launch: Belfry) -> None:
    launch.settings |= {
        "POSTGRES_BACKUP_SCHEDULE": "30 4 * * *",
        "DATABASE_BACKUPS_ENABLED": "false",
    }
    launch.start()
    said = launch.log()
    assert "schedule_changed schedule_id=postgres_backup" in said
    assert "setting_unknown setting=DATABASE_BACKUPS_ENABLED" in said
    assert "schedule_created" not in said


def test_a_person_finds_there_all_that_a_request_caused(belfry: Belfry) -> None:
    """From the request through the host's queue to the attempt: one trace, a line for each."""
    asked = httpx.post(
        f"{belfry.url}/api/v1/schedules/schedule_cleanup/execute",
        json={"force": True},
        headers={"traceparent": CALLER},
    ).json()
    where = f"{belfry.url}/api/v1/jobs/{asked['job_id']}"
    assert httpx.get(where).json()["trace_id"] == TRACE
    wanted = f"job_id={asked['job_id']} task=schedule_cleanup attempt=1 status=succeeded"
    until(lambda: wanted in belfry.log())
    traced = [line for line in belfry.log().splitlines() if f"trace_id={TRACE}" in line]
    spans = [line for line in traced if " span name=" in line]
    request, attempt = spans
    assert "POST /api/v1/schedules/{schedule_id}/execute" in request and wanted in attempt
    above = request.rpartition("span_id=")[2].split()[0]
    assert attempt.endswith(f"parent_id={above}")
    assert any(" job_started " in line for line in traced)
