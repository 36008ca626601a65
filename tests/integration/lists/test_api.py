"""`GET /api/v1/schedules`: its filters, its orders, its pages and cursors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from shared.listing.wanted import Sort, Wanted
from tests.integration.lists.conftest import Counter

MINE = Wanted(projects=frozenset({7}))


def listed(counter: Counter, **asked: Any) -> list[str]:
    """The names of the schedules on the first page."""
    found = counter.told("GET", f"/schedules?{urlencode(asked)}")
    assert found["total"] == len(found["schedules"]) <= 50
    return [one["name"] for one in found["schedules"]]


def some(counter: Counter, *names: str, **fields: Any) -> list[dict[str, Any]]:
    made = []
    for name in names:
        counter.engine.later(1)
        made.append(counter.made(name=name, **fields))
    return made


def test_each_filter_leaves_what_fits(counter: Counter) -> None:
    some(counter, "a", project_id=7, tags={"team": "backend", "priority": "high"})
    some(counter, "b", project_id=7, tags={"team": "backend"}, enabled=False)
    some(counter, "c", project_id=8, task_type="fails", frequency="hourly")
    assert listed(counter) == ["c", "b", "a"]
    assert listed(counter, project_id=7) == ["b", "a"]
    assert listed(counter, project_id=9) == []
    assert listed(counter, enabled="true") == ["c", "a"]
    assert listed(counter, task_type="fails") == ["c"]
    assert listed(counter, task_type="unheard") == []
    assert listed(counter, frequency="hourly") == ["c"]
    assert listed(counter, **{"tags.team": "backend"}) == ["b", "a"]
    assert listed(counter, **{"tags.team": "backend", "tags.priority": "high"}) == ["a"]
    assert listed(counter, **{"tags.team": "other"}) == []
    assert listed(counter, project_id=7, enabled="false", task_type="works") == ["b"]


def test_a_text_is_found_anywhere_in_the_name_in_capitals_or_not(counter: Counter) -> None:
    some(counter, "Nightly BACKUP", "backup of STRASSE", "straße", "100% of_it")
    assert listed(counter, q="backup") == ["backup of STRASSE", "Nightly BACKUP"]
    assert listed(counter, q="straße") == ["straße", "backup of STRASSE"]
    assert listed(counter, q="%") == ["100% of_it"]
    assert len(listed(counter, q="")) == 4
    said = counter.wrong("GET", f"/schedules?q={'x' * 201}", None)
    assert said[0] == "q"


def test_each_state_is_found_and_shown(counter: Counter) -> None:
    engine = counter.engine
    some(counter, "paused", enabled=False)
    every = {"frequency": "interval", "interval_seconds": 60, "max_attempts": 1}
    some(counter, "failing", task_type="fails", **every)
    some(counter, "ended", max_runs=1, **every)
    some(counter, "stopped", task_type="fails", pause_after_failures=1, **every)
    some(counter, "healthy")
    for _ in range(2):
        engine.later(61)
        engine.tick()
        engine.work()
    for state in ("healthy", "ended", "failing"):
        assert listed(counter, state=state) == [state]
    assert listed(counter, state="paused") == ["stopped", "paused"]
    shown = counter.told("GET", "/schedules")["schedules"]
    assert {one["name"]: one["state"] for one in shown} == {
        "paused": "paused",
        "failing": "failing",
        "ended": "ended",
        "stopped": "paused",
        "healthy": "healthy",
    }
    assert "healthy" in counter.wrong("GET", "/schedules?state=sick", None)[1]


def test_a_change_of_a_name_moves_it_in_the_order_by_name(counter: Counter) -> None:
    made = some(counter, "b", "A", "c")
    assert listed(counter, sort="name") == ["A", "b", "c"]
    counter.changed(made[1], name="Bb")
    assert listed(counter, sort="name") == ["b", "Bb", "c"]
    assert listed(counter) == ["c", "Bb", "b"]


@pytest.mark.parametrize("sort", ["newest", "name"])
def test_pages_and_cursors_show_the_same(counter: Counter, sort: str) -> None:
    made = some(counter, *(f"n{number % 3}" for number in range(7)))
    pages = [
        counter.told("GET", f"/schedules?page_size=3&sort={sort}&page={page}")
        for page in range(1, 5)
    ]
    assert [len(one["schedules"]) for one in pages] == [3, 3, 1, 0]
    assert {(one["total"], one["pages"]) for one in pages} == {(7, 3)}
    by_page = [one["id"] for page in pages for one in page["schedules"]]
    walked = list(walk(counter, f"page_size=3&sort={sort}"))
    assert [one["page"] for one in walked] == [1, 2, 3]
    assert [one["id"] for page in walked for one in page["schedules"]] == by_page
    assert set(by_page) == {one["id"] for one in made}
    if sort == "newest":
        assert by_page == [one["id"] for one in reversed(made)]


def walk(counter: Counter, query: str) -> Iterator[dict[str, Any]]:
    page = counter.told("GET", f"/schedules?{query}")
    yield page
    while page["next_cursor"] is not None:
        page = counter.told("GET", f"/schedules?{query}&cursor={page['next_cursor']}")
        yield page


def test_a_walk_shows_each_once_while_others_come_and_go(counter: Counter) -> None:
    made = some(counter, *(f"n{number}" for number in range(8)))
    seen: list[str] = []
    for number, page in enumerate(walk(counter, "page_size=2")):
        seen += [one["id"] for one in page["schedules"]]
        some(counter, f"new {number}")
        if number == 0:  # the one that the cursor is at, and one that comes later
            counter.ask("DELETE", f"/schedules/{seen[-1]}")
            counter.ask("DELETE", f"/schedules/{made[4]['id']}")
    expected = [one["id"] for one in reversed(made) if one is not made[4]]
    assert seen == expected


def test_a_long_name_fits_into_a_cursor(counter: Counter) -> None:
    some(counter, "ﬃ" * 200, "\U0001f4be" * 200, "ΐ" * 200)
    assert len(list(walk(counter, "page_size=1&sort=name"))) == 3


def test_single_runs_are_listed_only_if_asked_for(counter: Counter) -> None:
    some(counter, "a")
    some(counter, "b", frequency="once", start_time="2030-01-01T00:00:00Z", tags={"once": ""})
    assert listed(counter) == ["a"] and listed(counter, once="true") == ["b", "a"]


def test_a_caller_sees_its_projects_only(counter: Counter) -> None:
    some(counter, "mine", project_id=7, frequency="interval", interval_seconds=60)
    some(counter, "theirs", project_id=8, frequency="interval", interval_seconds=60)
    some(counter, "nobody's", frequency="interval", interval_seconds=60)
    lists, clock = counter.engine.app.lists, counter.engine.clock
    page = lists.page(MINE, Sort.NEWEST, 50)
    assert [one.definition.name for one in page.schedules] == ["mine"] and page.total == 1
    assert lists.count(MINE).total == 1 and lists.count(MINE).by_frequency == {"interval": 1}
    none = Wanted(projects=frozenset())
    assert lists.page(none, Sort.NEWEST, 50).total == 0
    clock.set(clock.now().replace(hour=23))
    due = lists.due(clock.now(), 10, {7})
    assert [one.definition.name for one in due] == ["mine"]
    assert len(lists.due(clock.now(), 10)) == 3 and len(lists.due(clock.now(), 2)) == 2
    assert lists.due(clock.now(), 10, set()) == []


def test_schedules_that_observe_a_calendar_are_found(counter: Counter) -> None:
    day = {"day": "2030-01-01", "reason": "New Year"}
    counter.told("POST", "/calendars", {"name": "feast", "timezone": "UTC", "days": [day]})
    some(counter, "a", calendars=["feast"])
    (other,) = some(counter, "b")
    assert listed(counter, calendar="feast") == ["a"] and listed(counter, calendar="x") == []
    counter.changed(other, calendars=["feast"])
    assert listed(counter, calendar="feast") == ["b", "a"]


def test_counts_follow_what_is_deleted_and_turned_off(counter: Counter) -> None:
    made = some(counter, "a", "b", "c")
    counter.ask("DELETE", f"/schedules/{made[0]['id']}")
    counter.changed(made[1], enabled=False)
    found = counter.engine.app.lists.count(Wanted())
    assert (found.total, found.enabled, found.disabled) == (2, 1, 1)
    assert found.by_frequency == {"daily": 2}
