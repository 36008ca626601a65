"""A client made of what the running app says of itself: it calls, and reads what is answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from shared.api.examples import BODIES
from tests import client
from tests.e2e.conftest import Belfry


@pytest.fixture(scope="module")
def calls(belfry: Belfry, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The client, with a key where the host wants it."""
    described = httpx.get(f"{belfry.url}/api/openapi.json").json()
    package: Any = client.generated(described, tmp_path_factory.mktemp("client"))
    key = {"token": "a-functions-key", "prefix": "", "auth_header_name": "x-functions-key"}
    with package.AuthenticatedClient(base_url=belfry.url, timeout=30, **key) as made:
        yield made


def test_a_schedule_is_made_found_run_and_deleted(calls: Any) -> None:
    body = client.model("NewSchedule").from_dict(
        BODIES["NewSchedule"]["each night, by the clocks of Berlin"]
    )
    made = client.operation("schedules", "create_schedule").sync(client=calls, body=body)
    assert made.frequency is client.model("Frequency").CRON and made.tags.to_dict() == {
        "team": "backend",
        "priority": "high",
    }
    assert made.next_run_at > datetime.now(UTC)
    listed = client.operation("schedules", "list_schedules").sync(client=calls, enabled=True)
    assert made.id in [one.id for one in listed.schedules]
    force = client.model("Execute")(force=True)
    asked = client.operation("schedules", "execute_schedule").sync(
        made.id, client=calls, body=force
    )
    job = client.operation("jobs", "read_job").sync(asked.job_id, client=calls)
    assert job.status in list(client.model("Status")) and job.schedule_id == made.id
    now = datetime.now(UTC)
    found = client.operation("jobs", "list_jobs").sync(
        client=calls, tags_schedule_id=made.id, from_=now - timedelta(days=2), to=now
    )
    assert [one.id for one in found.jobs] == [job.id]
    gone = client.operation("schedules", "delete_schedule").sync_detailed(made.id, client=calls)
    assert gone.status_code == 204


def test_problems_come_as_what_they_are(calls: Any) -> None:
    problem = client.operation("jobs", "read_job").sync("none", client=calls)
    assert type(problem).__name__ == "Problem" and problem.status == 404


@pytest.mark.parametrize(
    ("tag", "name", "kind"),
    [("schedules", "create_schedule", "NewSchedule"), ("backups", "create_plan", "NewPlan")],
)
def test_what_the_description_shows_works_as_it_stands(
    calls: Any, tag: str, name: str, kind: str
) -> None:
    for words, example in BODIES[kind].items():
        body = client.model(kind).from_dict(example)
        answer = client.operation(tag, name).sync_detailed(client=calls, body=body)
        assert answer.status_code == 201, (words, answer.content)


def test_the_dry_runs_that_the_description_shows_work(calls: Any) -> None:
    for example in BODIES["DryRun"].values():
        body = client.model("DryRun").from_dict(example)
        told = client.operation("backups", "try_retention").sync(client=calls, body=body)
        assert told.kept >= 0 and told.removed >= 0
