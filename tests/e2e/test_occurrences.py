"""Occurrences over HTTP, and the reconciler by hand: what ran is found, with its lateness."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx

from tests.e2e.conftest import Belfry
from tests.waiting import until


def test_what_ran_and_what_is_to_come(belfry: Belfry) -> None:
    with httpx.Client(base_url=f"{belfry.url}/api/v1", timeout=30) as client:
        made = client.post(
            "/schedules",
            json={
                "name": "Often",
                "task_type": "database_backup",
                "frequency": "interval",
                "interval_seconds": 2,
            },
        ).json()
        path = f"/schedules/{made['id']}/occurrences"
        span = {"from": made["created_at"], "to": _soon(30)}

        def ended() -> list[dict[str, object]]:
            shown = client.get(path, params=span).json()["occurrences"]
            return [one for one in shown if one["state"] == "succeeded"]

        first = until(ended, 60)[0]
        assert 0 <= first["lateness_seconds"] < 5
        job = client.get(f"/jobs/{first['job_id']}").json()
        started = next(
            line
            for line in belfry.log().splitlines()
            if "job_started" in line and f"job_id={job['id']}" in line
        )
        assert f"lateness_seconds={job['lateness_seconds']}" in started
        client.delete(f"/schedules/{made['id']}")
        states = {one["state"] for one in client.get(path, params=span).json()["occurrences"]}
        assert "unexplained" not in states and "scheduled" not in states
        daily = client.get("/schedules/postgres_backup/occurrences").json()
        assert daily["total"] in (1, 2) and daily["occurrences"][-1]["state"] == "scheduled"
        wrong = client.get(path, params={"from": "2026-03-01"})
        assert wrong.status_code == 422 and wrong.json()["errors"][0]["field"] == "from"

        asked = client.post("/schedules/schedule_reconciler/execute", json={"force": True}).json()

        def asked_for() -> httpx.Response | None:
            answer = client.get(f"/jobs/{asked['job_id']}")
            return answer if answer.json()["finished_at"] else None

        ran = until(asked_for, 60).json()
        assert (ran["status"], ran["lateness_seconds"]) == ("succeeded", None)


def _soon(seconds: int) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
