"""What was applied, through the API."""

from __future__ import annotations

import pytest

from tests.integration.engine.conftest import Engine
from tests.integration.schedules.conftest import Counter

OWNER = {"managed_by": "team", "managed_key": "a"}


@pytest.fixture
def counter(engine: Engine) -> Counter:
    return Counter(engine)


def test_it_is_kept_shown_and_removed(counter: Counter) -> None:
    one = counter.made(tags=OWNER)
    assert one["revision"] == 1
    body = {"schedules": {"a": {"id": one["id"], "revision": 1}}}
    put = counter.told("PUT", "/applied/team", body)
    assert put["drifted"] == 0 and put["applied_by"] == "local"
    assert counter.told("PUT", "/applied/team", body)["applied_at"] != put["applied_at"]
    counter.changed(one, interval_seconds=60, frequency="interval")
    found = counter.told("GET", "/applied/team")
    assert found["drifted"] == 1
    assert found["differences"] == [
        {
            "change": "changed",
            "kind": "schedule",
            "key": "a",
            "id": one["id"],
            "project_id": None,
            "fields": ["frequency", "interval_seconds"],
        }
    ]
    listed = counter.told("GET", "/applied")
    assert listed["applied"] == [found] and listed["total"] == 1
    assert counter.ask("PUT", "/applied/team", body).status_code == 412
    assert counter.ask("DELETE", "/applied/team").status_code == 204
    assert counter.ask("GET", "/applied/team").status_code == 404
    assert counter.ask("DELETE", "/applied/team").status_code == 404


def test_it_is_recorded_by_the_audit(counter: Counter) -> None:
    counter.told("PUT", "/applied/a/b", {})
    counter.ask("DELETE", "/applied/a/b")
    counter.engine.app.audit.settle()
    entries = counter.told("GET", "/audit?kind=applied")["entries"]
    assert [(one["action"], one["subject"]["id"], one["outcome"]) for one in entries] == [
        ("delete", "a/b", "done"),
        ("change", "a/b", "done"),
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"schedules": {"a": {"id": "x"}}}, "schedules.a.revision"),
        ({"schedules": {"a b": {"id": "x", "revision": 1}}}, "schedules"),
        ({"calendars": {"a": {"id": "x", "version": 1}}}, "calendars.a.id"),
        ({"calenders": {}}, "calenders"),
    ],
)
def test_what_is_wrong_is_named(counter: Counter, body: dict[str, object], field: str) -> None:
    assert counter.wrong("PUT", "/applied/team", body)[0].startswith(field)


def test_an_owner_that_no_file_could_have_is_refused(counter: Counter) -> None:
    assert counter.wrong("PUT", "/applied/-x", {})[0] == "owner"
