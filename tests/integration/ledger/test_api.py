"""`GET /api/v1/schedules/{id}/occurrences` of schedules whose hours were simulated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from shared.api.jobs.routes import JobOut
from shared.recurrence import Frequency, Recurrence
from shared.storage.tables import entities
from shared.storage.tables.batch import Delete
from tests.integration.engine.conftest import START, Engine
from tests.integration.ledger.conftest import write
from tests.integration.ledger.test_reconcile import every, run
from tests.served import api

Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(engine: Engine) -> Ask:
    """Ask the API, which works on the engine's app."""

    async def answered(path: str, params: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(api(lambda: engine.app))
        async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
            return await client.get(f"/api/v1/schedules/{path}", params=params)

    def get(schedule_id: str, **params: Any) -> httpx.Response:
        named = {"from" if name == "since" else name: value for name, value in params.items()}
        return asyncio.run(answered(f"{schedule_id}/occurrences", named))

    return get


def at(minutes: float) -> str:
    return (START + timedelta(minutes=minutes)).isoformat()


def test_what_was_and_what_is_to_come_with_lateness(engine: Engine, ask: Ask) -> None:
    made = engine.add(recurrence=every(10), jitter_seconds=400)
    run(engine, 12)
    listed = ask(made.id).json()
    assert listed["total"] == 6 + 24 * 6 and listed["pages"] == 3
    shown = listed["occurrences"]
    assert [one["due_at"] for one in shown] == sorted(one["due_at"] for one in shown)
    ended = [one for one in shown if one["state"] == "succeeded"]
    assert len(ended) >= 5
    for one in ended:
        job = engine.app.manager.job(one["job_id"])
        assert one["lateness_seconds"] == job.lateness_seconds and job.lateness_seconds is not None
        assert 0 <= one["lateness_seconds"] <= 301
    coming = shown[-1]
    assert (coming["state"], coming["started_at"], coming["lateness_seconds"]) == (
        "scheduled",
        None,
        None,
    )
    assert any(one["effective_at"] > one["due_at"] for one in shown if one["state"] == "scheduled")


def test_a_run_that_was_tried_again_is_as_late_as_its_first_start(engine: Engine, ask: Ask) -> None:
    made = engine.add("fails", recurrence=every(10), max_attempts=2)
    engine.later(599)
    engine.tick()
    (message,) = engine.messages()
    engine.later(3)
    first = engine.clock.now()
    assert engine.app.worker.work(message) == []
    engine.later(60)
    for status, last in (("queued", first), ("failed", engine.clock.now())):
        if status == "failed":
            assert [job.attempt for job in engine.app.worker.work(message)] == [2]
        job = JobOut.of(engine.app.manager.job(message.job_ids[0])).model_dump(mode="json")
        (occurrence,) = ask(made.id, since=at(10), to=at(11)).json()["occurrences"]
        assert (job["status"], occurrence["state"]) == (status, status)
        for shown in (job, occurrence):
            assert shown["lateness_seconds"] == 3
            assert datetime.fromisoformat(shown["first_started_at"]) == first
            assert datetime.fromisoformat(shown["started_at"]) == last


def test_from_is_included_and_to_is_not_and_pages_follow_each_other(
    engine: Engine, ask: Ask
) -> None:
    made = engine.add(recurrence=every(10))
    run(engine, 4)
    span = {"since": at(10), "to": at(60), "page_size": 2}
    pages = [ask(made.id, **span, page=page).json() for page in (1, 2, 3, 4)]
    assert {(one["total"], one["pages"]) for one in pages} == {(5, 3)}
    due = [one["due_at"] for page in pages for one in page["occurrences"]]
    assert due == [at(m).replace("+00:00", "Z") for m in (10, 20, 30, 40, 50)]


def test_a_lost_row_is_shown_as_unexplained(engine: Engine, ask: Ask) -> None:
    made = engine.add(recurrence=every(10))
    run(engine, 12)
    victim = list(engine.app.table.jobs(made.id))[2]
    write(engine, made.id, Delete(entities.job_key(victim.id)))
    shown = ask(made.id, to=at(58)).json()["occurrences"]
    assert [one["job_id"] for one in shown if one["state"] == "unexplained"] == [victim.id]


def to_come(ask: Ask, schedule_id: str, **params: Any) -> list[str]:
    shown = ask(schedule_id, **params).json()["occurrences"]
    return [one["due_at"] for one in shown if one["state"] in ("scheduled", "queued")]


def test_no_more_are_to_come_than_max_runs_leaves(engine: Engine, ask: Ask) -> None:
    made = engine.add(recurrence=every(1), max_runs=4)
    assert to_come(ask, made.id) == [at(m).replace("+00:00", "Z") for m in (1, 2, 3, 4)]
    assert ask(made.id).json()["total"] == 4
    assert to_come(ask, made.id, since=at(3)) == [at(m).replace("+00:00", "Z") for m in (3, 4)]
    assert to_come(ask, made.id, since=at(60), to=at(90)) == []
    for _ in range(3):
        engine.later(60)
        engine.tick()
        engine.work()
    assert len(to_come(ask, made.id)) == 1
    assert ask(made.id).json()["total"] == 4


def test_none_are_to_come_after_the_end_or_while_it_is_paused(engine: Engine, ask: Ask) -> None:
    window = engine.add(recurrence=replace(every(10), end_time=START + timedelta(minutes=35)))
    assert len(to_come(ask, window.id)) == 3
    failing = engine.add("refused", recurrence=every(1), pause_after_failures=1)
    engine.later(60)
    engine.tick()
    engine.work()
    paused = engine.app.manager.get(failing.id)
    assert paused.progress.paused_reason is not None
    assert to_come(ask, failing.id) == []


def test_of_a_deleted_schedule_too(engine: Engine, ask: Ask) -> None:
    made = engine.add(recurrence=every(10))
    run(engine, 6)
    engine.app.manager.delete(made.id)
    listed = ask(made.id).json()
    assert [one["state"] for one in listed["occurrences"]] == ["succeeded"] * listed["total"]
    assert listed["total"] == 3


@pytest.mark.parametrize(
    ("params", "field", "said"),
    [
        ({"since": "2026-03-01T12:00:00"}, "from", "offset"),
        ({"to": "2026-03-01T12:00:00"}, "to", "offset"),
        ({"since": "yesterday"}, "from", "no instant"),
        ({"to": "2026-02-30T00:00:00Z"}, "to", "no instant"),
        ({"since": "1772366400"}, "from", "no instant"),
        ({"since": "2026-03-01T12:00:00 01:00"}, "from", "%2B"),
        ({"since": "0001-01-01T00:00:00Z"}, "from", "year"),
        ({"to": "9999-12-31T23:59:59Z"}, "to", "year"),
        ({"since": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"}, "from", "later"),
        ({"since": "2024-03-01T00:00:00Z"}, "from", "366"),
        ({"since": "2026-01-01T00:00:00Z", "to": "2027-01-03T00:00:00Z"}, "to", "is 367 days; "),
        ({"page": 0}, "page", "or more"),
        ({"page_size": 101}, "page_size", "less"),
    ],
)
def test_what_is_wrong_is_named(
    engine: Engine, ask: Ask, params: dict[str, Any], field: str, said: str
) -> None:
    answer = ask(engine.add().id, **params)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert [item["field"] for item in problem["errors"]] == [field]
    assert said in problem["errors"][0]["message"]


def test_too_many_to_count_are_refused(engine: Engine, ask: Ask) -> None:
    when = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=1)
    made = engine.add(recurrence=when, enabled=False)
    assert ask(made.id).json()["total"] == 0
    engine.app.manager.enable(made.id, True)
    answer = ask(made.id, to=at(60 * 24 * 30))
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "to"
    year = ask(engine.add().id, since=at(-1), to=at(60 * 24 * 60)).json()
    assert year["total"] == 60 * 24 * 60 - 1


def test_one_that_never_was_is_not_found(ask: Ask) -> None:
    for name in ("none", "a' or 'a' eq 'a", "%27"):
        answer = ask(name)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
