"""The whole life of a run in the deployed shape, without a key or a connection string anywhere."""

from __future__ import annotations

import hashlib
import json
import ssl
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

import functions
from local.azurite import KEY, Azurite
from tests.certificate import Certificate
from tests.integration.rehearsal.conftest import BACKUP, HOST, Making
from tests.integration.rehearsal.site import Site
from tests.integration.test_runtime import ENGINE
from tests.vendors.entra import Endpoint
from tests.waiting import until

_LASTS = 5
"""Seconds: shorter than the life of the site, so that it outlives its tokens."""


def created(site: Site) -> str:
    """The id of a schedule that takes a backup in a second."""
    due = (datetime.now(UTC) + timedelta(seconds=1)).replace(microsecond=0)
    body = {
        "project_id": 1,
        "name": "rehearsal",
        "task_type": "database_backup",
        "frequency": "once",
        "start_time": due.isoformat(),
    }
    answer = site.ask("POST", "/api/v1/schedules", body)
    assert answer.status_code == 201, answer.text + site.said()
    return str(answer.json()["id"])


def ran(site: Site, schedule: str) -> dict[str, Any]:
    """The schedule's only job, when it has ended. Each look is a tick."""

    def ended() -> Any:
        assert site.ask("POST", "/tick").status_code == 200, site.said()
        found = site.ask("GET", f"/api/v1/jobs?tags.schedule_id={schedule}").json()["jobs"]
        return found and found[0]["status"] not in ("queued", "running") and found[0]

    job: dict[str, Any] = until(ended)
    assert job["status"] == "succeeded", json.dumps(job) + site.said()
    return job


def opened(url: str, trusted: Certificate) -> bytes:
    context = ssl.create_default_context(cafile=trusted.file)
    answer = httpx.get(url, verify=context)
    assert answer.status_code == 200, answer.text
    return answer.content


def test_a_run_lives_its_life_under_identities(
    making: Making, endpoint: Endpoint, storage: Azurite, trusted: Certificate
) -> None:
    endpoint.lasts = _LASTS
    site = making()
    site.start()
    schedule = created(site)
    job = ran(site, schedule)

    # a backup went to the account for backups, was proved, and its link opens
    (backup,) = site.ask("GET", f"/api/v1/backups?schedule_id={schedule}").json()["backups"]
    assert backup["verified"] and backup["job_id"] == job["id"]
    link = site.ask("POST", f"/api/v1/backups/{backup['id']}/link", {}).json()
    assert link["url"].startswith(f"https://127.0.0.1:{storage.ports[0]}/{BACKUP}/backups/")
    content = opened(link["url"], trusted)
    assert hashlib.sha256(content).hexdigest() == link["sha256"]
    assert backup["id"] in opened(link["manifest_url"], trusted).decode()
    with pytest.raises(AssertionError, match="AuthorizationFailure"):
        opened(link["url"].replace("sp=r", "sp=rw"), trusted)

    # it starts again, and knows everything; and its tokens were fetched anew meanwhile
    assert site.stop() == 0, site.said()
    site.start()
    assert site.ask("GET", f"/api/v1/jobs/{job['id']}").json()["status"] == "succeeded"
    assert site.ask("POST", "/admin/functions/schedule_dispatcher").status_code == 202
    until(lambda: "schedule_dispatcher succeeded" in site.said())
    assert site.ask("GET", "/ops/uptime").json()["status"] == "up"
    assert len(set(endpoint.given)) > 2
    assert endpoint.refused == []
    assert "failed after" not in site.said(), site.said()
    for secret in (KEY, "AccountKey", "SharedKey"):
        assert secret not in site.said() and secret not in str(site.settings)


def test_every_function_is_there_and_each_kind_of_trigger_reaches_its_own(making: Making) -> None:
    site = making()
    site.start()
    found = {
        one["name"]: next(b["type"] for b in one["config"]["bindings"] if "Trigger" in b["type"])
        for one in site.ask("GET", "/admin/functions").json()
    }
    timed = [task.name for task in functions.tasks() if task.recurrence is not None]
    assert found == ENGINE | dict.fromkeys(timed, "timerTrigger")
    for path in ("/status", "/api/openapi.json", "/metrics"):
        assert site.ask("GET", path).status_code == 200, path + site.said()
    for name in ("health_monitor", "clock_message", "shard_worker", "dead_letters"):
        body = {"input": json.dumps({"at": "2026-01-01T00:00:00Z", "token": "x", "after": "x"})}
        if name in ("shard_worker",):
            body = {"input": json.dumps({"shard": "s000", "sent_at": "x"})}
        assert site.ask("POST", f"/admin/functions/{name}", body).status_code == 202
        until(lambda name=name: f"{name} succeeded" in site.said())  # type: ignore[misc]
    assert f"/{HOST}" in site.settings["AzureWebJobsStorage__queueServiceUri"]
