"""Operations on schedules: as people's, and of the batch's project alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from shared.access import LOCAL
from shared.batch.model import BatchState, Counts, ItemStatus
from shared.engine.commands.once import run_once
from shared.schedules.job import Status, parse_id
from shared.spending.model import Of, Period, Scope
from shared.spending.service import Wanted as Spend
from tests.integration.batch.conftest import JOB, Desk


@pytest.fixture
def town(desk: Desk) -> Iterator[dict[str, str]]:
    """Schedules of project 7, of project 8 and of none."""
    yield {
        "web": desk.schedule(name="Web one", tags={"team": "web"}),
        "web2": desk.schedule(name="web two", tags={"team": "web"}),
        "core": desk.schedule(name="core", tags={"team": "core"}),
        "other": desk.schedule(name="web of others", tags={"team": "web"}, project_id=8),
        "none": desk.schedule(name="web of nobody", tags={"team": "web"}, project_id=None),
    }


def test_a_filter_finds_those_of_the_project_alone(desk: Desk, town: dict[str, str]) -> None:
    manager = desk.engine.app.manager
    run_once(
        manager,
        desk.engine.clock,
        desk.engine.app.registry.get("works"),
        {},
        name="web once",
        project_id=7,
    )
    filters: list[tuple[dict[str, Any], set[str]]] = [
        ({}, {"web", "web2", "core"}),
        ({"tags": {"team": "web"}}, {"web", "web2"}),
        ({"name_contains": "WEB"}, {"web", "web2"}),
        ({"task_types": ["fails"]}, set()),
        ({"frequency": "cron"}, set()),
        ({"enabled": True, "name_contains": "core"}, {"core"}),
    ]
    for number, (asked, wanted) in enumerate(filters):
        job = desk.job(job_id=f"s1-20260301T120000Z-f{number}")
        found = desk.run(job, operation="disable", filter=asked, dry_run=True)
        outcomes = desk.batches().progress.outcomes(desk.standing(job.job_id), 0, None)
        assert {one.label for one in outcomes} == {town[one] for one in wanted}
        assert found["succeeded"] == len(wanted)
    job = desk.job(job_id="s1-20260301T120000Z-none", project_id=None)
    desk.run(job, operation="disable", filter={"name_contains": "web"})
    assert not manager.get(town["none"]).definition.enabled
    for name in ("web", "web2", "core", "other"):
        assert manager.get(town[name]).definition.enabled and desk.revision(town[name]) == 1


def test_its_own_schedule_is_not_among_them(desk: Desk) -> None:
    own = desk.schedule(task_type="works")
    job = desk.job(job_id=f"{own}-20260301T120000Z")
    assert desk.run(job, operation="disable", filter={})["items"] == 0


def test_another_projects_schedule_does_not_exist(desk: Desk, town: dict[str, str]) -> None:
    before = {name: desk.engine.app.manager.get(town[name]) for name in ("other", "none")}
    named = [town["other"], town["none"], "nosuch", "../x", {"schedule_id": town["other"], "n": 1}]
    asked: list[dict[str, Any]] = [
        {"operation": "disable"},
        {"operation": "enable"},
        {"operation": "run"},
        {"operation": "change", "change": {"name": "stolen"}},
    ]
    for number, what in enumerate(asked):
        job = desk.job(job_id=f"s1-20260301T120000Z-o{number}")
        found = desk.run(job, items=named, stop_at_error_percent=None, **what)
        assert found["failed"] == len(named)
        for one in desk.batches().progress.outcomes(desk.standing(job.job_id), 0, None):
            assert one.error.startswith("there is no schedule")
    assert {name: desk.engine.app.manager.get(town[name]) for name in before} == before


def test_changes_are_those_of_patch_and_are_audited(desk: Desk, town: dict[str, str]) -> None:
    items = [
        {"id": town["web"], "team": "new", "every": "120"},
        {"id": town["core"], "team": "x" * 500, "every": "120"},
        {"id": town["web2"], "team": "two", "every": "often"},
    ]
    change = {
        "tags": {"team": {"item": "team"}},
        "interval_seconds": {"item": "every", "as": "integer"},
    }
    found = desk.run(operation="change", change=change, items=items)
    assert (found["succeeded"], found["failed"]) == (1, 2)
    errors = [one.error for one in desk.outcomes(ItemStatus.FAILED)]
    assert "200" in errors[0] and "is no integer" in errors[1]
    made = desk.engine.app.manager.get(town["web"])
    assert made.definition.tags == {"team": "new"} and made.revision == 2
    assert made.definition.recurrence.interval_seconds == 120
    app = desk.engine.app
    rows = app.connection.table(app.table._table.name).query(
        "RowKey ge 'audit:' and RowKey lt 'audit;'"
    )
    told = [row for row in map(str, rows) if town["web"] in row and "task:batch" in row]
    assert len(told) == 1 and JOB in told[0]


def test_checks_of_schedules_apply(desk: Desk) -> None:
    """A change that PATCH would refuse is refused for the item, and changes nothing."""
    one = desk.schedule("of_company", task_parameters={"name": "a"})
    two = desk.schedule("again", task_parameters={"name": "a"})
    three = desk.schedule("of_admins", task_parameters={"name": "a"})
    found = desk.run(
        operation="change", items=[one, two, three], change={"task_parameters": {"name": "b"}}
    )
    assert (found["succeeded"], found["failed"]) == (1, 2)
    said = [item.error for item in desk.outcomes(ItemStatus.FAILED)]
    assert "works for all projects" in said[0] and "needs the role admin" in said[1]
    assert [desk.revision(name) for name in (one, two, three)] == [1, 2, 1]
    job = desk.job(job_id=f"{JOB}-wrong")
    change = {"task_parameters": {"nam": "b"}}
    assert desk.run(job, operation="change", items=[two], change=change)["failed"] == 1


def test_enable_and_disable(desk: Desk, town: dict[str, str]) -> None:
    assert desk.run(operation="disable", filter={"tags": {"team": "web"}})["succeeded"] == 2
    manager = desk.engine.app.manager
    assert not manager.get(town["web"]).definition.enabled
    job = desk.job(job_id=f"{JOB}-on")
    assert desk.run(job, operation="enable", filter={"enabled": False})["succeeded"] == 2
    assert manager.get(town["web2"]).definition.enabled
    again = desk.job(job_id=f"{JOB}-again")
    desk.run(again, operation="enable", filter={})
    outcomes = list(desk.batches().progress.outcomes(desk.standing(again.job_id), 0, None))
    assert {json.loads(one.result)["changed"] for one in outcomes} == {False}


def test_a_dry_run_changes_nothing(desk: Desk, town: dict[str, str]) -> None:
    before = {name: desk.engine.app.manager.get(one) for name, one in town.items()}
    asked: list[dict[str, Any]] = [
        {"operation": "disable"},
        {"operation": "run"},
        {"operation": "change", "change": {"name": "x", "timezone": "Europe/Berlin"}},
        {
            "operation": "change",
            "change": {"frequency": "cron", "cron_expression": "61 * * * *"},
        },
    ]
    for number, what in enumerate(asked):
        job = desk.job(job_id=f"s1-20260301T120000Z-d{number}")
        found = desk.run(job, filter={}, dry_run=True, **what)
        assert found["failed" if number == 3 else "succeeded"] == 3
    assert {name: desk.engine.app.manager.get(one) for name, one in town.items()} == before
    assert desk.engine.work() == []


def test_a_run_is_asked_for_once_however_often_its_item_is_done(
    desk: Desk, town: dict[str, str]
) -> None:
    batches = desk.batches()
    params: dict[str, Any] = {"operation": "run", "items": [town["web"], town["core"]]}
    desk.run(**params)
    first = [json.loads(one.result)["job_id"] for one in desk.outcomes()]
    assert [parse_id(one)[0] for one in first] == [town["web"], town["core"]]
    ran = desk.engine.work()
    assert sorted(job.id for job in ran) == sorted(first)
    saved = batches.store.saved(7, JOB)
    assert saved is not None  # as if the process had died before anything of it was stored
    head = batches.store.head(7, JOB)
    assert head is not None
    batches.store.save(
        7,
        JOB,
        replace(saved, state=BatchState.RUNNING, chunk=0, closed=Counts()),
        head,
    )
    assert desk.run(desk.job(attempt=2), **params)["succeeded"] == 2
    assert [json.loads(one.result)["job_id"] for one in desk.outcomes()] == first
    assert desk.engine.work() == []
    jobs = [job.id for name in ("web", "core") for job in desk.engine.app.table.jobs(town[name])]
    assert sorted(jobs) == sorted(first)


def test_a_batch_runs_no_batch_and_nothing_that_a_person_must_ask_for(desk: Desk) -> None:
    parameters = {"operation": "run", "filter": {}}
    again = desk.schedule("batch", task_parameters=parameters)
    own = desk.schedule("again", task_parameters={"name": "a"})
    found = desk.run(operation="run", items=[again, own])
    assert (found["succeeded"], found["failed"]) == (1, 1)
    (refused,) = desk.outcomes(ItemStatus.FAILED)
    assert "does not run batches" in refused.error


def test_it_is_a_job_like_any_other(desk: Desk, town: dict[str, str]) -> None:
    """Asked for, worked on, and told by the engine."""
    parameters = {"operation": "disable", "filter": {"tags": {"team": "web"}}}
    made = desk.schedule("batch", task_parameters=parameters)
    asked = desk.engine.app.manager.run_now(made, force=True)
    (job,) = desk.engine.work()
    assert job.id == asked.job_id and job.status == "succeeded" and job.result is not None
    assert job.result["succeeded"] == 2
    assert not desk.engine.app.manager.get(town["web"]).definition.enabled


def test_a_batch_is_no_way_around_a_budget(desk: Desk) -> None:
    """What it asks for is held as an occurrence is."""
    wanted = Spend(micros=Decimal(0), currency=None, period=Period.DAY, timezone="UTC")
    desk.engine.app.spending.put(LOCAL, Scope(Of.PROJECT, "7"), 7, wanted)
    made = desk.schedule()
    assert desk.run(operation="run", items=[made])["succeeded"] == 1
    (job,) = desk.engine.work()
    assert (job.schedule_id, job.status) == (made, Status.SKIPPED)


def test_a_heartbeat_goes_nowhere_inside_by_a_batch(desk: Desk) -> None:
    made = desk.schedule()
    change = {"heartbeat_url": {"item": "to"}}
    inner = ("https://169.254.169.254/x", "https://10.0.0.1/", "http://localhost/")
    items = [{"id": made, "to": one} for one in inner]
    found = desk.run(operation="change", change=change, items=items, stop_at_error_percent=None)
    assert found["failed"] == len(items) and desk.revision(made) == 1
