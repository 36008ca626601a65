"""The calendar feed: a project's coming runs, for whoever has its token."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
import icalendar
import pytest

from local.azurite import Azurite
from local.host.routes import parse
from shared.access import Caller, Role
from shared.api.feed.app import feed
from shared.calendars.feeds import hashed
from shared.errors import NotFound
from tests import sdk
from tests.found import found
from tests.integration.calendars.conftest import Desk

SHOP = Caller(name="shop", role=Role.OPERATOR, projects=frozenset({7}))
OTHER = Caller(name="other", role=Role.OPERATOR, projects=frozenset({8}))


def fetched(desk: Desk, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """The answer to a program that sends no key."""

    async def answered() -> httpx.Response:
        transport = httpx.ASGITransport(feed(lambda: desk.engine.app))
        async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(answered())


def events(answer: httpx.Response) -> list[Any]:
    return icalendar.Calendar.from_ical(answer.text).walk("VEVENT")


def test_a_feed_shows_the_coming_runs_of_its_project_alone(desk: Desk) -> None:
    desk.calendar()
    one = desk.daily("Week", name="Nightly; of, the shop\\", project_id=7, description="ä" * 200)
    desk.daily(name="other", project_id=8)
    desk.changed(desk.daily(name="off", project_id=7), enabled=False)
    made = desk.told("POST", "/calendars/feeds", {"name": "Shop", "project_id": 7})
    answer = fetched(desk, made["path"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    found = events(answer)
    assert len(found) == 23, "the working days of the next 31"
    first = found[0]
    assert str(first["SUMMARY"]) == "Nightly; of, the shop\\"
    assert first["DTSTART"].dt.isoformat() == "2026-03-02T00:00:00+00:00"
    assert str(first["UID"]) == f"{one['id']}-20260302T000000Z@belfry"
    assert all(len(line) <= 75 for line in answer.content.split(b"\r\n"))
    assert len({str(event["UID"]) for event in found}) == len(found)


def test_it_is_the_same_until_a_run_is_due_or_a_schedule_changes(desk: Desk) -> None:
    one = desk.daily(project_id=7)
    path = desk.told("POST", "/calendars/feeds", {"name": "Shop", "project_id": 7})["path"]
    answer = fetched(desk, path)
    desk.engine.later(60)
    again = fetched(desk, path, **{"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "private" in answer.headers["cache-control"]
    assert fetched(desk, path, "HEAD").headers["etag"] == answer.headers["etag"]
    desk.changed(one, name="another")
    after = fetched(desk, path, **{"If-None-Match": f'"x", W/{answer.headers["etag"]}'})
    assert after.status_code == 200
    assert [event["UID"] for event in events(after)] == [event["UID"] for event in events(answer)]


def test_it_is_bounded_however_often_schedules_run(desk: Desk) -> None:
    for number in range(12):
        desk.made(name=str(number), frequency="interval", interval_seconds=1, project_id=7)
    path = desk.told("POST", "/calendars/feeds", {"name": "Shop", "project_id": 7})["path"]
    assert len(events(fetched(desk, path))) == 1000


def test_a_revoked_or_wrong_token_opens_nothing(desk: Desk) -> None:
    made = desk.told("POST", "/calendars/feeds", {"name": "Shop", "project_id": 7})
    (listed,) = desk.told("GET", "/calendars/feeds")["feeds"]
    assert listed == {name: value for name, value in made.items() if name != "path"}
    token = made["path"].partition("=")[2]
    for wrong in ("", "x" * 200, token[:-1], token.upper(), f"{token}x", listed["id"]):
        assert fetched(desk, f"/api/v1/calendar.ics?token={wrong}").status_code == 404
    assert fetched(desk, "/api/v1/calendar.ics").status_code == 404
    assert fetched(desk, "/api/v1/schedules").status_code == 404, "no other route is reachable"
    assert desk.ask("DELETE", f"/calendars/feeds/{made['id']}").status_code == 204
    assert fetched(desk, made["path"]).status_code == 404
    assert desk.told("GET", "/calendars/feeds")["total"] == 0


def test_a_project_has_its_own_feeds(desk: Desk) -> None:
    feeds = desk.engine.app.feeds
    made = feeds.create(SHOP, "Shop", 7)
    assert [one.id for one in feeds.all(SHOP)] == [made.feed.id]
    assert feeds.all(OTHER) == []
    with pytest.raises(NotFound):
        feeds.revoke(OTHER, made.feed.id)
    assert feeds.opened(made.token) == made.feed


def test_the_token_is_stored_hashed_and_never_logged(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = desk.told("POST", "/calendars/feeds", {"name": "Shop", "project_id": 7})
    token = made["path"].partition("=")[2]
    for path in (made["path"], f"{made['path']}x", f"{made['path']}&page=2"):
        assert token not in fetched(desk, path).text
    rows = str(list(sdk.table(desk.engine.app).list_entities()))
    assert token not in rows and hashed(token) in rows
    said = [record for record in caplog.records if record.name.startswith("belfry")]
    assert token not in str([record.getMessage() for record in said])


def test_the_host_asks_the_feed_for_no_key_and_the_api_for_one(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AzureWebJobsStorage", azurite.connection_string)
    triggers = {one.get_function_name(): one.get_trigger() for one in found()}
    feed, api = triggers["calendar_feed"], triggers["api"]
    assert feed.auth_level.value.lower() == "anonymous"
    assert api.auth_level.value.lower() == "function"
    ranks = {one.route: parse(one.route)[1] for one in (feed, api)}
    assert min(ranks, key=lambda route: ranks[route]) == "api/v1/calendar.ics"
