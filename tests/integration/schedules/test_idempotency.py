"""`Idempotency-Key`: what is asked for again is done once, and answered alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.access import LOCAL
from shared.api.idempotency import _name
from shared.storage.tables.answers import Answers, Entry
from tests.integration.schedules.conftest import BODY, Counter
from tests.together import together

KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"


def post(counter: Counter, path: str, body: Any = None, key: str = KEY) -> httpx.Response:
    return counter.ask("POST", path, body, Idempotency_Key=key)


def made(counter: Counter) -> int:
    total: int = counter.told("GET", "/schedules")["total"]
    return total


def alike(first: httpx.Response, again: httpx.Response) -> None:
    assert first.is_success and "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (first.status_code, first.content) == (again.status_code, again.content)
    for name in ("etag", "location", "content-type"):
        assert first.headers.get(name) == again.headers.get(name)


def test_a_schedule_is_created_once_and_answered_as_it_was_then(counter: Counter) -> None:
    first = post(counter, "/schedules", BODY)
    counter.changed(first.json(), name="other")
    again = post(counter, "/schedules", dict(reversed(BODY.items())))
    alike(first, again)
    alike(first, post(counter, "/schedules", BODY, f'"{KEY}"'))
    assert made(counter) == 1


def test_a_job_is_asked_for_once(counter: Counter) -> None:
    at = f"/schedules/{counter.made()['id']}"
    first = post(counter, f"{at}/execute", {"force": True})
    alike(first, post(counter, f"{at}/execute", {"force": True}))
    counter.engine.work()
    alike(first, post(counter, f"{at}/execute", {"force": True}))
    assert counter.engine.calls.started == [first.json()["job_id"]]


def test_failed_jobs_are_retried_once(counter: Counter) -> None:
    one = counter.made(task_type="refused")
    at = f"/schedules/{one['id']}"
    counter.told("POST", f"{at}/execute", {"force": True})
    counter.engine.work()
    first = post(counter, f"{at}/retry")
    counter.engine.work()
    alike(first, post(counter, f"{at}/retry"))
    (job,) = first.json()["job_ids"]
    again = post(counter, f"/jobs/{job}/retry", key="another")
    alike(again, post(counter, f"/jobs/{job}/retry", key="another"))


def test_a_key_belongs_to_one_request(counter: Counter) -> None:
    one = post(counter, "/schedules", BODY).json()
    for path, body in (
        ("/schedules", BODY | {"name": "other"}),
        ("/schedules", BODY | {"enabled": True}),
        (f"/schedules/{one['id']}/execute", {"force": True}),
        ("/backups/plans", {"name": "a", "source": "state", "frequency": "daily"}),
    ):
        answer = post(counter, path, body)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert made(counter) == 1


@pytest.mark.parametrize("key", ["", '""', "a b", 'a"b', '"a', 'a"', '"""', "x" * 256])
def test_what_is_no_key_is_refused(counter: Counter, key: str) -> None:
    answer = post(counter, "/schedules", BODY, key)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


def test_after_a_day_the_key_is_as_new(counter: Counter) -> None:
    first = post(counter, "/schedules", BODY)
    counter.engine.later(24 * 3600 - 1)
    alike(first, post(counter, "/schedules", BODY))
    counter.engine.later(1)
    other = post(counter, "/schedules", BODY | {"name": "other"})
    assert other.status_code == 201 and other.json()["id"] != first.json()["id"]


def test_a_request_that_was_refused_may_be_mended(counter: Counter) -> None:
    assert post(counter, "/schedules", BODY | {"task_type": "none"}).status_code == 422
    assert post(counter, "/schedules", BODY | {"frequency": "once"}).status_code == 422
    assert post(counter, "/schedules", BODY).status_code == 201
    assert post(counter, "/schedules/none/execute", key="b").status_code == 404


def test_of_many_at_once_one_is_answered(counter: Counter) -> None:
    # A route is made ready when it is first asked for; in service, one event loop asks for all.
    counter.ask("POST", "/schedules", {})
    told = together(*(lambda: post(counter, "/schedules", BODY) for _ in range(5)))
    assert {one.status_code for one in told} <= {201, 409}
    assert len({one.content for one in told if one.status_code == 201}) == 1
    assert all("still being answered" in one.text for one in told if one.status_code == 409)
    assert made(counter) == 1


def entry(counter: Counter) -> tuple[Answers, Entry]:
    """The only request that is kept."""
    answers = counter.engine.app.answers
    rows = answers._table.query("PartitionKey eq 'meta' and RowKey ge 'answer:'")
    (name,) = [row["RowKey"][7:] for row in rows if row["RowKey"].startswith("answer:")]
    found = answers.find(name)
    assert found is not None
    return answers, found


def test_another_callers_key_is_another_key(counter: Counter) -> None:
    post(counter, "/schedules", BODY)
    _, kept = entry(counter)
    assert _name(LOCAL, KEY) == kept.name
    assert _name(replace(LOCAL, name="ana"), KEY) != kept.name
    assert _name(replace(LOCAL, key_id="1"), KEY) != kept.name


def cut_off(counter: Counter) -> None:
    """As if the process that answered had been killed before it kept the answer."""
    answers, kept = entry(counter)
    assert answers.write(kept, replace(kept, answer=None)) is not None


def test_what_was_cut_off_is_ended_by_the_next_one(counter: Counter) -> None:
    first = post(
        counter, "/schedules", BODY | {"frequency": "once", "start_time": "2026-03-01T12:00:30Z"}
    )
    cut_off(counter)
    body = BODY | {"frequency": "once", "start_time": "2026-03-01T12:00:30Z"}
    assert post(counter, "/schedules", body).status_code == 409, "it may be at work"
    counter.engine.later(61)
    again = post(counter, "/schedules", body)
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert made(counter) == 1
    alike(again, post(counter, "/schedules", body))


@pytest.mark.parametrize("force", [True, False])
def test_a_run_that_was_cut_off_is_the_same_run(counter: Counter, force: bool) -> None:
    one = counter.made(frequency="interval", interval_seconds=300)
    counter.engine.later(300)
    at = f"/schedules/{one['id']}/execute"
    first = post(counter, at, {"force": force})
    assert first.status_code == 202, first.text
    cut_off(counter)
    counter.engine.work()
    counter.engine.later(61)
    counter.told("POST", f"/schedules/{one['id']}/disable")
    again = post(counter, at, {"force": force})
    assert (again.status_code, again.json()["job_id"]) == (202, first.json()["job_id"])
    counter.engine.work()
    assert counter.engine.calls.started.count(first.json()["job_id"]) == 1


def test_retries_that_were_cut_off_are_the_same_retries(counter: Counter) -> None:
    one = counter.made(task_type="refused")
    counter.told("POST", f"/schedules/{one['id']}/execute", {"force": True})
    counter.engine.work()
    first = post(counter, f"/schedules/{one['id']}/retry")
    cut_off(counter)
    counter.engine.work()
    counter.engine.later(61)
    again = post(counter, f"/schedules/{one['id']}/retry")
    assert again.json() == first.json()
    counter.engine.work()
    assert len(counter.engine.calls.started) == 2


def test_what_was_deleted_since_is_not_created_again(counter: Counter) -> None:
    first = post(counter, "/schedules", BODY)
    cut_off(counter)
    counter.ask("DELETE", f"/schedules/{first.json()['id']}")
    counter.engine.later(61)
    for _ in range(2):
        assert post(counter, "/schedules", BODY).status_code == 409
    assert made(counter) == 0


def test_a_long_answer_is_kept_whole(counter: Counter) -> None:
    tags = {f"{number:02}" + "é" * 90: f"{number}漢" * 40 for number in range(20)}
    first = post(counter, "/schedules", BODY | {"tags": tags, "description": "x" * 2000})
    alike(first, post(counter, "/schedules", BODY | {"tags": tags, "description": "x" * 2000}))


def test_answers_are_forgotten_a_day_later_however_many(counter: Counter) -> None:
    answers, now = counter.engine.app.answers, counter.engine.clock.now()
    for number in range(130):
        at = now - timedelta(hours=25 if number else 23)
        new = Entry(name=f"{number}", request="", at=at, until=at)
        assert answers.write(None, new) is not None
    assert answers.forget_before(now - timedelta(hours=24)) == 129
    assert answers.find("0") is not None and answers.find("1") is None
