"""Calendars that several people change: nobody overwrites what somebody else decided, and what is
asked for again is made once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.access import LOCAL
from shared.api.idempotency import _name
from shared.calendars.service import _extended
from tests.integration.calendars.conftest import WEEKDAYS, Desk
from tests.together import together

KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"
WEEK = {"name": "Week", "working_hours": WEEKDAYS}
ICS = "\r\n".join(
    [
        *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//T//EN", "BEGIN:VEVENT", "UID:1"),
        *("DTSTART;VALUE=DATE:20270303", "END:VEVENT", "END:VCALENDAR", ""),
    ]
)
CHANGES = [
    ("PATCH", "", {"name": "other"}),
    ("POST", "/import", {"ics": ICS}),
    ("DELETE", "", None),
]


def etag(desk: Desk, one: dict[str, Any]) -> str:
    return desk.ask("GET", f"/calendars/{one['id']}").headers["etag"]


def post(desk: Desk, body: Any = WEEK) -> httpx.Response:
    return desk.ask("POST", "/calendars", body, Idempotency_Key=KEY)


def audited(desk: Desk) -> int:
    total: int = desk.told("GET", "/audit")["total"]
    return total


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_who_knows_the_calendar_as_it_is_may_change_it_and_nobody_else(
    desk: Desk, method: str, path: str, body: Any
) -> None:
    one = desk.calendar()
    old = etag(desk, one)
    desk.edited(one, description="somebody else's")
    before, now = desk.told("GET", f"/calendars/{one['id']}"), etag(desk, one)
    told = audited(desk)
    at = f"/calendars/{one['id']}{path}"
    for wrong in (old, f"W/{now}", '"x"'):
        answer = desk.ask(method, at, body, If_Match=wrong)
        assert answer.status_code == 412, wrong
        assert "was changed since" in answer.json()["detail"]
    assert desk.told("GET", f"/calendars/{one['id']}") == before and audited(desk) == told
    assert desk.ask(method, at, body, If_Match=now).is_success
    assert (
        desk.ask(method, "/calendars/c000000000000" + path, body, If_Match="*").status_code == 404
    )


def test_each_answer_that_shows_a_calendar_has_the_etag_of_a_later_read(desk: Desk) -> None:
    made = desk.ask("POST", "/calendars", WEEK)
    at = made.headers["location"].removeprefix("/api/v1")
    desk.daily("Week")
    assert made.headers["etag"] == desk.ask("GET", at).headers["etag"]
    changed = desk.ask("PATCH", at, {"working_hours": {**WEEKDAYS, "friday": []}})
    assert changed.json()["schedules_changed"]
    assert changed.headers["etag"] == desk.ask("GET", at).headers["etag"]
    imported = desk.ask("POST", f"{at}/import", {"ics": ICS}, If_Match=changed.headers["etag"])
    tag = desk.ask("GET", at).headers["etag"]
    assert imported.headers["etag"] == tag
    again = desk.ask("GET", at, If_None_Match=tag)
    assert (again.status_code, again.content) == (304, b"")


def test_holidays_of_a_later_year_make_nobody_stale(desk: Desk) -> None:
    one = desk.calendar(name="Bavaria", holidays={"country": "DE"})
    tag = etag(desk, one)
    calendars, later = desk.engine.app.calendars, desk.engine.clock.now() + timedelta(days=400)
    calendars.change(LOCAL, one["id"], lambda it: _extended(it, later))
    at = f"/calendars/{one['id']}"
    seen = desk.ask("GET", at, If_None_Match=tag)
    assert (seen.status_code, seen.json()["version"]) == (200, 2)
    assert desk.ask("PATCH", at, {"name": "b"}, If_Match=tag).is_success
    assert desk.ask("PATCH", at, {"name": "c"}, If_Match=tag).status_code == 412


def test_of_two_who_change_it_at_once_one_is_told(desk: Desk) -> None:
    one = desk.calendar()
    tag = etag(desk, one)

    def change(name: str) -> tuple[int, str]:
        answer = desk.ask("PATCH", f"/calendars/{one['id']}", {"name": name}, If_Match=tag)
        return answer.status_code, name

    told = together(*(lambda n=number: change(f"name {n}") for number in range(4)))
    assert sorted(status for status, _ in told) == [200, 412, 412, 412]
    assert desk.told("GET", f"/calendars/{one['id']}")["name"] == dict(told)[200]


def test_it_is_made_once_and_answered_as_it_was_then(desk: Desk) -> None:
    first = post(desk)
    desk.edited(first.json(), name="other")
    again = post(desk)
    assert (first.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    assert desk.told("GET", "/calendars")["total"] == 1
    assert post(desk, {"name": "b", "holidays": {"country": "DE"}}).status_code == 422


def cut_off(desk: Desk) -> None:
    """As if the process that answered had been killed before it kept the answer."""
    answers = desk.engine.app.answers
    kept = answers.find(_name(LOCAL, KEY))
    assert kept is not None
    assert answers.write(kept, replace(kept, answer=None)) is not None
    desk.engine.later(61)


def test_what_was_cut_off_is_ended_by_the_next_one(desk: Desk) -> None:
    first = post(desk)
    cut_off(desk)
    again = post(desk)
    assert (again.status_code, again.json()) == (201, first.json())
    assert desk.told("GET", "/calendars")["total"] == 1


def test_what_was_deleted_since_is_not_made_again(desk: Desk) -> None:
    first = post(desk)
    cut_off(desk)
    assert desk.ask("DELETE", f"/calendars/{first.json()['id']}").is_success
    answer = post(desk)
    assert answer.status_code == 409 and "was deleted since" in answer.text
    assert desk.told("GET", "/calendars")["total"] == 0
