"""ETags: nobody overwrites what somebody else decided meanwhile, and nothing is sent twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.schedules.model import Schedule
from tests.integration.schedules.conftest import Counter
from tests.together import together

CHANGES = [
    ("PATCH", "", {"name": "other"}),
    ("POST", "/enable", None),
    ("POST", "/disable", None),
    ("DELETE", "", None),
]
EVERY_MINUTE = {"frequency": "interval", "interval_seconds": 60}


def etag(counter: Counter, one: dict[str, Any]) -> str:
    return counter.ask("GET", f"/schedules/{one['id']}").headers["etag"]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_who_knows_the_schedule_as_it_is_may_change_it_and_nobody_else(
    counter: Counter, method: str, path: str, body: Any
) -> None:
    one = counter.made()
    old = etag(counter, one)
    counter.changed(one, description="somebody else's")
    before, now = counter.read(one), etag(counter, one)
    at = f"/schedules/{one['id']}{path}"
    for wrong in (old, f"W/{now}", '"x"', '""', f'{old}, "7"', f'"{"9" * 60}"'):
        answer = counter.ask(method, at, body, If_Match=wrong)
        assert answer.status_code == 412, wrong
        assert answer.headers["content-type"] == "application/problem+json"
        assert "was changed since" in answer.json()["detail"]
    assert counter.read(one) == before
    answer = counter.ask(method, at, body, If_Match=f"{old},  {now}")
    assert answer.is_success, answer.text


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_a_star_fits_whatever_exists(counter: Counter, method: str, path: str, body: Any) -> None:
    at = f"/schedules/{counter.made()['id']}{path}"
    assert counter.ask(method, at, body, If_Match="*").is_success
    assert counter.ask(method, f"/schedules/none{path}", body, If_Match="*").status_code == 404


@pytest.mark.parametrize("text", ["7", "", '"a', '"a" "b"', '"a",', 'w/"a"', '*, "a"'])
def test_what_is_no_etag_is_refused(counter: Counter, text: str) -> None:
    one = counter.made()
    for method, name in (("GET", "If-None-Match"), ("PATCH", "If-Match")):
        answer = counter.ask(method, f"/schedules/{one['id']}", {}, **{name: text})
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"] == name


def test_an_answer_that_the_caller_has_is_left_out(counter: Counter) -> None:
    one = counter.made(**EVERY_MINUTE)
    at, tag = f"/schedules/{one['id']}", etag(counter, one)
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = counter.ask("GET", at, If_None_Match=known)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert counter.ask("GET", at, If_None_Match='"1"').json() | {"warnings": []} == one
    assert counter.ask("HEAD", at).headers["etag"] == tag


def test_a_run_makes_the_answer_another_and_no_change_stale(counter: Counter) -> None:
    """Who changes a schedule need not have seen its last run; who watches it wants to."""
    one = counter.made(**EVERY_MINUTE)
    tag = etag(counter, one)
    counter.engine.later(60)
    counter.engine.tick()
    counter.engine.work()
    seen = counter.ask("GET", f"/schedules/{one['id']}", If_None_Match=tag)
    assert (seen.status_code, seen.json()["success_count"]) == (200, 1)
    assert counter.ask("PATCH", f"/schedules/{one['id']}", {"name": "b"}, If_Match=tag).is_success


def test_each_answer_that_shows_a_schedule_has_its_etag(counter: Counter) -> None:
    made = counter.ask(
        "POST", "/schedules", {"name": "a", "task_type": "works", "frequency": "daily"}
    )
    at = f"/schedules/{made.json()['id']}"
    assert made.headers["location"] == f"/api/v1{at}"
    read = counter.ask("GET", at)
    assert made.headers["etag"] == read.headers["etag"]
    changed = counter.ask("PATCH", at, {"name": "b"}, If_Match=made.headers["etag"])
    assert changed.headers["etag"] != read.headers["etag"]
    off = counter.ask("POST", f"{at}/disable", If_Match=changed.headers["etag"])
    assert counter.ask("POST", f"{at}/enable", If_Match=off.headers["etag"]).is_success


def test_of_two_who_change_it_at_once_one_is_told(counter: Counter) -> None:
    one = counter.made()
    tag = etag(counter, one)

    def change(name: str) -> tuple[int, str]:
        answer = counter.ask("PATCH", f"/schedules/{one['id']}", {"name": name}, If_Match=tag)
        return answer.status_code, name

    names = [f"name {number}" for number in range(4)]
    told = together(*(lambda name=name: change(name) for name in names))
    assert sorted(status for status, _ in told) == [200, 412, 412, 412]
    assert counter.read(one)["name"] == dict(told)[200]


def test_what_is_compared_is_what_is_written_over(counter: Counter) -> None:
    """Somebody is faster after the schedule was read, and before it is written."""
    one = counter.made()
    manager = counter.engine.app.manager
    tries: list[int] = []

    def meanwhile(schedule: Schedule) -> Schedule:
        if not tries:
            counter.changed(one, name="faster")
        tries.append(schedule.revision)
        return schedule.resumed()

    def still(schedule: Schedule) -> None:
        seen.append(schedule.revision)

    seen: list[int] = []
    manager.change(one["id"], lambda it: _renamed(meanwhile(it)), still=still)
    assert seen == tries == [1, 2]


def _renamed(schedule: Schedule) -> Schedule:
    return replace(schedule, definition=replace(schedule.definition, description="x"))
