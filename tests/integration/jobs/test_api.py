"""`GET /api/v1/jobs` and the statistics: filters, pages, cursors, projects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.access import LOCAL, Caller
from shared.jobs.entry import Filter
from shared.keys.gate import Entered
from shared.schedules.job import Status
from tests.integration.jobs.conftest import Counter
from tests.integration.jobs.test_exact import lived
from tests.integration.jobs.truth import pack, true_jobs
from tests.served import api


@pytest.fixture
def lived_at(counter: Counter) -> Counter:
    """Where jobs ran, some of them packed."""
    lived(counter.engine)
    return counter


def walked(counter: Counter, query: str, size: int) -> list[str]:
    ids: list[str] = []
    page = counter.told("GET", f"/jobs?page_size={size}{query}")
    while True:
        ids += [job["id"] for job in page["jobs"]]
        if page["next_cursor"] is None:
            return ids
        more = f"&cursor={page['next_cursor']}"
        page = counter.told("GET", f"/jobs?page_size={size}{query}{more}")


def paged(counter: Counter, query: str, size: int) -> list[str]:
    first = counter.told("GET", f"/jobs?page_size={size}{query}")
    pages = [
        counter.told("GET", f"/jobs?page_size={size}&page={number}{query}")
        for number in range(1, first["pages"] + 1)
    ]
    assert all(page["total"] == first["total"] for page in pages)
    ids = [job["id"] for page in pages for job in page["jobs"]]
    assert len(ids) == first["total"]
    return ids


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ("", "status", None),
        ("&project_id=1", "project_id", 1),
        ("&status=failed", "status", "failed"),
        ("&task_type=works", "task_type", "works"),
        ("&project_id=9", "project_id", 9),
    ],
)
def test_pages_and_cursors_show_all_that_fit_and_nothing_else(
    lived_at: Counter, query: str, field: str, value: Any
) -> None:
    truth = true_jobs(lived_at.engine.app).values()
    wanted = {job.id for job in truth if value is None or getattr(job, field) == value}
    for size in (3, 100):
        ids = walked(lived_at, query, size)
        assert ids == paged(lived_at, query, size)
        assert set(ids) == wanted and len(ids) == len(wanted)


def test_by_schedule_under_both_names(lived_at: Counter) -> None:
    job = next(iter(true_jobs(lived_at.engine.app).values()))
    one = walked(lived_at, f"&schedule_id={job.schedule_id}", 4)
    assert job.id in one and {name.split("-")[0] for name in one} == {job.schedule_id}
    assert walked(lived_at, f"&tags.schedule_id={job.schedule_id}", 4) == one
    both = f"/jobs?schedule_id={job.schedule_id}&tags.schedule_id=other"
    assert lived_at.told("GET", both)["total"] == 0


def test_a_walk_shows_each_job_once_whatever_begins_meanwhile(lived_at: Counter) -> None:
    engine = lived_at.engine
    before = set(true_jobs(engine.app))
    page = lived_at.told("GET", "/jobs?page_size=4")
    ids = [job["id"] for job in page["jobs"]]
    while page["next_cursor"] is not None:
        engine.later(60)
        engine.tick()
        engine.work()
        pack(engine.app)
        page = lived_at.told("GET", f"/jobs?page_size=4&cursor={page['next_cursor']}")
        ids += [job["id"] for job in page["jobs"]]
        if len(ids) > len(before):
            break
    assert len(ids) == len(set(ids)) and before <= set(ids)


def test_what_a_caller_does_not_see_does_not_exist(lived_at: Counter) -> None:
    app = lived_at.engine.app
    theirs = replace(LOCAL, projects=frozenset({2}))
    truth = true_jobs(app).values()
    seen = {job.id for job in truth if job.project_id == 2}
    other = next(job for job in truth if job.project_id == 1)
    assert seen
    whole = lived_at.told("GET", "/schedules/statistics/summary?project_id=2")
    desk = as_caller(lived_at, theirs)
    assert set(walked(desk, "", 100)) == seen
    assert desk.told("GET", "/jobs?project_id=1")["total"] == 0
    for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/retry")):
        assert desk.ask(method, f"/jobs/{other.id}{path}").status_code == 404
    assert desk.told("GET", "/schedules/statistics/summary") == whole
    assert desk.told("GET", "/schedules/statistics/summary?project_id=1")["total_runs"] == 0


def as_caller(counter: Counter, caller: Caller) -> Counter:
    """The counter, where that caller asks."""
    there = Counter(counter.engine)
    vars(there)["served"] = api(lambda: counter.engine.app, lambda _: Entered(caller, {}))
    return there


@pytest.mark.parametrize("query", ["", "?project_id=1", "?task_type=fails", "?project_id=9"])
def test_the_summary_is_the_sum_of_the_jobs(lived_at: Counter, query: str) -> None:
    app = lived_at.engine.app
    name, _, value = query.removeprefix("?").partition("=")
    jobs = [job for job in true_jobs(app).values() if not name or str(getattr(job, name)) == value]
    said = lived_at.told("GET", f"/schedules/statistics/summary{query}")
    good = sum(job.status is Status.SUCCEEDED for job in jobs)
    bad = sum(job.status is Status.FAILED for job in jobs)
    assert (said["successful_runs"], said["failed_runs"]) == (good, bad)
    assert said["total_runs"] == good + bad
    expected = round(100 * good / (good + bad), 1) if good + bad else None
    assert said["success_rate"] == expected
    assert said["total_schedules"] == said["enabled_schedules"] + said["disabled_schedules"]
    assert sum(said["by_frequency"].values()) == said["total_schedules"]


def test_days_add_up(lived_at: Counter) -> None:
    engine = lived_at.engine
    engine.later(86_400)
    engine.tick()
    engine.work()
    found = lived_at.told("GET", "/schedules/statistics/daily?from=2026-02-27&to=2026-03-04")
    assert found["days"][0]["day"] == "2026-02-27" and len(found["days"]) == 6
    sums = engine.app.jobs.counts(Filter())
    for name in ("succeeded", "failed", "skipped", "missed", "cancelled"):
        assert sum(day[name] for day in found["days"]) == sums.of(Status(name))
    assert sum(day["runs"] for day in found["days"]) == sums.runs > 0
    usual = lived_at.told("GET", "/schedules/statistics/daily")["days"]
    assert len(usual) == 30 and usual[-1]["day"] == "2026-03-02"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-03-04&to=2026-03-01", "from"),
        ("from=2024-01-01&to=2026-03-01", "to"),
        ("from=2024-01-01", "from"),
        ("from=yesterday", "from"),
    ],
)
def test_spans_of_days_that_are_wrong_are_named(counter: Counter, query: str, field: str) -> None:
    assert counter.wrong("GET", f"/schedules/statistics/daily?{query}", None)[0] == field
