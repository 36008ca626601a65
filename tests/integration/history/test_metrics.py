"""`GET /api/v1/tasks` and the metrics of a task's runs, from all its schedules."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.clock import SystemClock
from shared.engine.records import history
from shared.schedules.model import Schedule
from shared.storage.counted import Requests, counting
from shared.storage.tables import entities
from shared.storage.tables.batch import Upsert
from tests.integration.engine.conftest import START, Engine, store
from tests.integration.history.conftest import Ask, hourly, run


def at(hours: float) -> str:
    return (START + timedelta(hours=hours)).isoformat()


def test_each_task_is_listed_with_its_schedule_and_its_last_run(engine: Engine, ask: Ask) -> None:
    engine.app.manager.run_now("counts", force=True)
    engine.work()
    found = {one["name"]: one for one in ask("tasks").json()["tasks"]}
    assert found.keys() == {task.name for task in engine.app.registry}
    one = found["counts"]
    assert (one["schedule"], one["timezone"], one["enabled"]) == ("0 * * * *", "UTC", False)
    assert one["summary"] == "Returns what it is told to." and one["impact"] == "A"
    assert one["dry_run"] is True and one["next_run_at"] is None
    assert one["last"]["status"] == "succeeded" and one["last_run_at"] is not None
    other = found["works"]
    assert (other["schedule"], other["timezone"], other["last"]) == (None, None, None)
    assert (other["dry_run"], other["paused"]) == (False, False)


def test_the_runs_of_all_schedules_of_a_task_are_counted(engine: Engine, ask: Ask) -> None:
    engine.add("counts", recurrence=hourly(), task_parameters={"eur": 5})
    engine.add("counts", recurrence=hourly(2), task_parameters={"fails": True}, max_attempts=1)
    other = engine.add("works", recurrence=hourly())
    run(engine, 6)
    assert engine.app.manager.get(other.id).progress.success_count
    said = ask("tasks/counts/metrics", since=at(0), until=at(24), bucket="hour").json()
    assert (said["task"], said["bucket"], said["left_out"]) == ("counts", "hour", [])
    counted = [
        engine.app.manager.get(one.id).progress
        for one in engine.app.lists.all()
        if one.definition.task_type == "counts"
    ]
    assert said["succeeded"] == sum(one.success_count for one in counted) >= 5
    assert said["failed"] == sum(one.failure_count for one in counted) >= 2
    assert said["runs"] == said["succeeded"] + said["failed"]
    assert said["success_rate"] == round(100 * said["succeeded"] / said["runs"], 1)
    assert said["metrics"].keys() == {"sent", "fees.EUR", "fees.USD"}
    euros = said["metrics"]["fees.EUR"]
    assert euros["sum"] == 5 * said["succeeded"] and euros["runs"] == said["succeeded"]
    assert (euros["min"], euros["max"], euros["mean"]) == (5, 5, 5)
    assert said["duration"].keys() == {"mean", "p50", "p95", "max"}
    series = said["series"]
    assert [one["begins_at"] for one in series] == sorted(one["begins_at"] for one in series)
    assert sum(one["runs"] for one in series) == said["runs"]
    assert sum(one["metrics"].get("sent", 0) for one in series) == 3 * said["succeeded"]


def test_each_run_can_be_an_item(engine: Engine, ask: Ask) -> None:
    made = engine.add("counts", recurrence=hourly(), task_parameters={"eur": 7})
    run(engine, 3)
    said = ask("tasks/counts/metrics", since=at(0), until=at(24), bucket="run").json()
    ids = [job.id for job in engine.app.table.jobs(made.id)]
    assert [one["job_id"] for one in said["series"]] == ids[::-1]
    assert all(one["metrics"]["fees.EUR"] == 7 and one["runs"] == 1 for one in said["series"])


def test_a_span_has_its_beginning_and_not_its_end(engine: Engine, ask: Ask) -> None:
    made = engine.add("counts", recurrence=hourly())
    run(engine, 4)
    due = sorted(job.due_at for job in engine.app.table.jobs(made.id))
    span = {"since": due[1].isoformat(), "until": due[3].isoformat()}
    said = ask("tasks/counts/metrics", **span, bucket="run").json()
    begins = [one["begins_at"].replace("Z", "+00:00") for one in said["series"]]
    assert begins == [one.isoformat() for one in due[1:3]]


def test_an_earlier_name_of_the_task_is_the_same_task(engine: Engine, ask: Ask) -> None:
    made = engine.add("counts", recurrence=hourly())
    run(engine, 2)

    def renamed(one: Schedule) -> Schedule:
        return replace(one, definition=replace(one.definition, task_type="counted"))

    store(engine.app, made.id, renamed)
    for name in ("counts", "counted"):
        said = ask(f"tasks/{name}/metrics", since=at(0), until=at(24)).json()
        assert said["task"] == "counts" and said["runs"] >= 2


def test_nothing_is_no_rate_and_no_duration(ask: Ask) -> None:
    said = ask("tasks/waits/metrics").json()
    assert said["runs"] == 0 and said["series"] == [] and said["metrics"] == {}
    assert said["success_rate"] is said["error_rate"] is said["duration"] is None
    assert said["bucket"] == "day"


def test_a_row_that_cannot_be_read_counts_as_failed(engine: Engine, ask: Ask) -> None:
    made = engine.add("counts", recurrence=hourly())
    run(engine, 2)
    job = next(engine.app.table.jobs(made.id))
    row = entities.job_properties(job) | {"result": "[no JSON", "status": "perhaps"}
    shard = engine.app.table.shard(made.id)
    engine.app.table._table.transact(shard, [Upsert(entities.job_key(job.id), row)])
    said = ask("tasks/counts/metrics", since=at(0), until=at(24)).json()
    assert said["failed"] == 1 and said["runs"] == len(list(engine.app.table.jobs(made.id)))


@pytest.mark.parametrize(
    ("path", "params", "status", "said"),
    [
        ("tasks/nothing/metrics", {}, 404, "there is no task 'nothing'"),
        ("tasks/counts/metrics", {"bucket": "week"}, 422, "bucket"),
        ("tasks/counts/metrics", {"since": "yesterday"}, 422, "'yesterday' is no instant"),
        (
            "tasks/counts/metrics",
            {"since": "2025-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"},
            422,
            "to: the span is 396 days; ask for 366 days at most",
        ),
        ("costs", {"by": "colour"}, 422, "by"),
        ("costs", {"since": "2027-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, 422, "later"),
    ],
)
def test_what_is_wrong_is_named(
    ask: Ask, path: str, params: dict[str, str], status: int, said: str
) -> None:
    answer = ask(path, **params)
    assert answer.status_code == status and said in answer.json()["detail"]


def test_a_report_asks_for_the_schedules_of_its_task_alone(engine: Engine, ask: Ask) -> None:
    """One query for each shard, and one for each schedule of the task."""
    for task_type in ("counts", "counts", "works"):
        engine.add(task_type, recurrence=hourly())
    run(engine, 2)
    shards, requests = len(engine.app.table.shards), Requests()
    ask("tasks/counts/metrics", since=at(0), until=at(24))  # who asks is known from here on
    with counting(requests):
        ask("tasks/counts/metrics", since=at(0), until=at(24))
    assert requests.tables == shards + 3  # two, and the system schedule
    later, requests = SystemClock().now() + timedelta(days=1), Requests()
    with counting(requests):
        ask("costs", since=later.isoformat(), until=(later + timedelta(days=1)).isoformat())
    assert requests.tables == shards + 2  # the outbox is made, and read


def test_too_much_is_refused_with_how_to_ask_for_less(
    engine: Engine, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.add("counts", recurrence=hourly())
    run(engine, 4)
    whole = {"since": at(0), "until": at(24)}
    monkeypatch.setattr(history, "MOST_ITEMS", 2)
    answer = ask("tasks/counts/metrics", **whole, bucket="run")
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "bucket: more than 2 items would be in the answer; use hour or day"
    )
    assert ask("tasks/counts/metrics", **whole, bucket="day").is_success
    monkeypatch.setattr(history, "MOST", 2)
    for path in ("tasks/counts/metrics", "costs"):
        answer = ask(path, **whole)
        assert answer.status_code == 422
        assert answer.json()["detail"] == (
            "to: more than 2 jobs are in that span; ask for a shorter one"
        )
    monkeypatch.setattr(history, "MOST_SCHEDULES", 0)
    assert "from: more than 0 schedules" in ask("costs", **whole).json()["detail"]
