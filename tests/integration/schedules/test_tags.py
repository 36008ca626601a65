"""Tags: what a schedule and its jobs are found by."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.schedules.conftest import Counter

TEAM = {"team": "backend", "priority": "high"}


def found(counter: Counter, query: str) -> list[str]:
    return [one["name"] for one in counter.told("GET", f"/schedules?{query}")["schedules"]]


def test_a_schedule_is_found_by_each_of_its_tags_and_by_all(counter: Counter) -> None:
    counter.made(name="a", tags=TEAM)
    counter.made(name="b", tags={"team": "backend", "a.b": "é ü"})
    counter.made(name="c")
    assert sorted(found(counter, "tags.team=backend")) == ["a", "b"]
    assert found(counter, "tags.team=backend&tags.priority=high") == ["a"]
    assert found(counter, "tags.a.b=%C3%A9+%C3%BC") == ["b"]
    assert found(counter, "tags.team=Backend") == found(counter, "tags.other=") == []
    assert found(counter, "tags.team=backend&enabled=false") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("tags.=a", "tags."),
        ("tags=a", "tags"),
        ("tags.a=1&tags.a=2", "tags.a"),
        ("tag.a=1", "tag.a"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(counter: Counter, query: str, field: str) -> None:
    assert counter.wrong("GET", f"/schedules?{query}", None)[0] == field


def test_other_lists_take_none(counter: Counter) -> None:
    field, said = counter.wrong("GET", "/jobs?tags.team=backend", None)
    assert field == "tags.team" and "tags.schedule_id" in said


@pytest.mark.parametrize(
    ("tags", "field", "said"),
    [
        (["a"], "tags", "give an object"),
        ({"a": 1}, "tags.a", "give text"),
        ({"": "a"}, "tags.", "it is empty"),
        ({" a": "b"}, "tags. a", "begins or ends with a space"),
        ({"a": "b" * 201}, "tags.a", "at most 200 characters"),
        ({str(one): "" for one in range(51)}, "tags", "at most 50 of them"),
    ],
)
def test_what_is_wrong_with_tags_is_said(
    counter: Counter, tags: Any, field: str, said: str
) -> None:
    told = counter.refused(tags=tags)
    assert told[0] == field and said in told[1], told


def test_a_change_replaces_all_and_null_leaves_them(counter: Counter) -> None:
    one = counter.made(tags=TEAM)
    assert counter.changed(one, tags=None, name="b")["tags"] == TEAM
    assert counter.changed(one, tags={"a": " b "})["tags"] == {"a": "b"}
    assert counter.changed(one, tags={})["tags"] == {}


def test_a_job_keeps_the_tags_of_its_end(counter: Counter) -> None:
    one = counter.made(tags=TEAM | {"schedule_id": "mine"})
    asked = counter.told("POST", f"/schedules/{one['id']}/execute", {"force": True})
    waiting = counter.told("GET", f"/jobs/{asked['job_id']}")
    own = {"schedule_id": one["id"], "task_type": "works"}
    assert waiting["tags"] == TEAM | own, "its own names come first"
    counter.engine.work()
    counter.changed(one, tags={"team": "other"})
    assert counter.told("GET", f"/jobs/{asked['job_id']}")["tags"] == TEAM | own
    listed = counter.told("GET", f"/jobs?tags.schedule_id={one['id']}")["jobs"]
    assert asked["job_id"] in [job["id"] for job in listed]


def test_rows_of_earlier_versions_have_names_without_values(counter: Counter) -> None:
    one = counter.made()
    counter.stored(one, tags=json.dumps(["nightly", "a b"]))
    assert counter.read(one)["tags"] == {"nightly": "", "a b": ""}
    assert found(counter, "tags.nightly=") == ["nightly"]
    assert counter.changed(one, description="x")["tags"] == {"nightly": "", "a b": ""}


@pytest.mark.parametrize("text", ["5", '"a"', '{"a": 1}', "[1]", "[["])
def test_a_row_whose_tags_are_none_is_one_that_cannot_be_read(counter: Counter, text: str) -> None:
    one = counter.made()
    counter.stored(one, tags=text)
    answer = counter.ask("GET", f"/schedules/{one['id']}")
    assert answer.status_code == 500 and "cannot be read" in answer.json()["detail"]
