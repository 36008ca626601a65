"""What people do with calendars: make, read, change, import into and delete them."""

from __future__ import annotations

from typing import Any

import pytest

from shared.access import Caller, Role
from shared.calendars.model import Definition
from shared.errors import Conflict, Forbidden, NotFound
from shared.recurrence import DayOff
from tests.integration.calendars.conftest import WEEKDAYS, Desk
from tests.together import together

SHOP = Caller(name="shop", role=Role.OPERATOR, projects=frozenset({7}))
OTHER = Caller(name="other", role=Role.OPERATOR, projects=frozenset({8}))


def ics(*events: str) -> str:
    """A file with these events; `|` stands between their lines."""
    made = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Test//EN"]
    for number, event in enumerate(events):
        made += ["BEGIN:VEVENT", f"UID:{number}", *event.split("|"), "END:VEVENT"]
    return "\r\n".join([*made, "END:VCALENDAR", ""])


def test_holidays_are_copied_for_this_year_and_five_more(desk: Desk) -> None:
    made = desk.calendar(
        name="Bavaria",
        timezone="Europe/Berlin",
        holidays={"country": "de", "subdivision": "Bayern"},
    )
    assert made["holidays"] == {"country": "DE", "subdivision": "BY", "categories": ["public"]}
    assert made["holidays_until"] == "2031-12-31"
    days = desk.told("GET", f"/calendars/{made['id']}/days?from=2026-01-01&to=2026-12-31")["days"]
    assert {"2026-01-06", "2026-04-06", "2026-10-03", "2026-12-25"} < {one["day"] for one in days}
    assert all(one["whole"] and one["reason"] for one in days)
    assert desk.told("GET", f"/calendars/{made['id']}") == made
    assert desk.told("GET", "/calendars")["calendars"] == [made]


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"holidays": {"country": "Germany"}}, "holidays.country", "DE (Germany)"),
        ({"holidays": {"country": "XX"}}, "holidays.country", "two letters"),
        ({"holidays": {"country": "DE", "subdivision": "Bayen"}}, "holidays.subdivision", "BY"),
        (
            {"holidays": {"country": "DE", "categories": ["bank"]}},
            "holidays.categories",
            "public",
        ),
        ({"timezone": "Europe/Berlim", "working_hours": WEEKDAYS}, "timezone", "Europe/Berlin"),
        ({"working_hours": {"monday": ["9-17"]}}, "working_hours.monday.0", "09:00-17:30"),
        ({"working_hours": {"monday": ["17:00-09:00"]}}, "working_hours.monday", "around midnight"),
        (
            {"working_hours": {"monday": ["09:00-12:00", "11:00-17:00"]}},
            "working_hours.monday",
            "overlap",
        ),
        ({"working_hours": {}}, "working_hours", "no weekday has any"),
        ({}, "holidays", "it closes nothing"),
        ({"days": [{"day": "24.12.2026"}]}, "days.0.day", "2030-12-24"),
        (
            {"blackouts": [{"begin": "2026-12-24T18:00Z", "end": "2026-12-24T19:00"}]},
            "blackouts.0.begin",
            "without an offset",
        ),
        (
            {"blackouts": [{"begin": "2026-12-24T18:00", "end": "2026-12-24T18:00"}]},
            "blackouts.0",
            "not later",
        ),
    ],
)
def test_what_is_wrong_is_named(desk: Desk, fields: dict[str, Any], field: str, said: str) -> None:
    named, message = desk.wrong("POST", "/calendars", {"name": "c"} | fields)
    assert named == field and said in message
    assert desk.told("GET", "/calendars")["total"] == 0


def test_a_calendar_that_does_not_fit_is_refused(desk: Desk) -> None:
    many = [
        {"day": f"20{26 + n // 300}-{n % 12 + 1:02}-{n % 28 + 1:02}", "reason": f"{n}" * 40}
        for n in range(1000)
    ]
    field, message = desk.wrong("POST", "/calendars", {"name": "c", "days": many})
    assert field == "days" and "make several of it" in message


def test_a_name_is_taken_once_also_by_two_at_once(desk: Desk) -> None:
    calendars = desk.engine.app.calendars
    what = Definition(name="Week", project_id=7, days=(DayOff(_day("2026-12-24"), "closed"),))

    def made() -> str:
        try:
            return calendars.create(SHOP, what).id
        except Conflict as error:
            return str(error)

    found = together(made, made, made)
    assert sum("use another name" in one for one in found) == 2
    assert desk.ask("POST", "/calendars", {"name": "WEEK", "working_hours": WEEKDAYS}).is_success
    answer = desk.ask("POST", "/calendars", {"name": "week", "working_hours": WEEKDAYS})
    assert answer.status_code == 409 and "'WEEK' of all projects" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/calendars/Week", "it is no id of a calendar; GET"),
        ("/keys/Ana", "it is no id of a key; GET"),
        ("/jobs?schedule_id=A-B", "it is no id of a schedule; GET"),
        ("/audit?kind=A-B", "give a kind such as schedule"),
    ],
)
def test_what_is_no_id_is_said_in_words(desk: Desk, path: str, said: str) -> None:
    answer = desk.ask("GET", path)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["message"].startswith(said)


def _day(text: str) -> Any:
    from datetime import date

    return date.fromisoformat(text)


def test_a_project_sees_its_own_and_those_of_all_and_changes_its_own(desk: Desk) -> None:
    calendars = desk.engine.app.calendars
    closed = (DayOff(_day("2026-12-24"), "closed"),)
    own = calendars.create(SHOP, Definition(name="own", project_id=7, days=closed))
    everyones = desk.calendar(name="all", days=[{"day": "2026-12-24"}])
    assert [one.definition.name for one in calendars.all(SHOP)] == ["all", "own"]
    assert [one.definition.name for one in calendars.all(OTHER)] == ["all"]
    for ask in (
        lambda: calendars.get(OTHER, own.id),
        lambda: calendars.change(OTHER, own.id, lambda one: one),
        lambda: calendars.delete(OTHER, own.id),
        lambda: calendars.import_ics(OTHER, own.id, ics("DTSTART;VALUE=DATE:20261224")),
    ):
        with pytest.raises(NotFound):
            ask()
    for ask in (
        lambda: calendars.change(SHOP, everyones["id"], lambda one: one),
        lambda: calendars.delete(SHOP, everyones["id"]),
    ):
        with pytest.raises(Forbidden):
            ask()
    assert desk.refused(calendars=["own"], project_id=8)[0] == "calendars"
    assert desk.refused(calendars=["own"])[0] == "calendars"
    assert desk.made(calendars=["own", "all"], project_id=7)["calendars"] == ["own", "all"]


def test_a_calendar_is_deleted_once_nothing_names_it(desk: Desk) -> None:
    week = desk.calendar()
    first = desk.daily("Week", name="first")
    answer = desk.ask("DELETE", f"/calendars/{week['id']}")
    assert answer.status_code == 409 and "'first'" in answer.json()["detail"]
    desk.changed(first, calendars=[])
    assert desk.ask("DELETE", f"/calendars/{week['id']}").status_code == 204
    assert desk.ask("GET", f"/calendars/{week['id']}").status_code == 404
    assert desk.refused(calendars=["Week"])[0] == "calendars"
    assert desk.calendar()["id"] != week["id"]


def test_a_calendar_that_is_changed_keeps_what_is_not_given(desk: Desk) -> None:
    made = desk.calendar(name="c", days=[{"day": "2026-12-24"}], working_hours=WEEKDAYS)
    same = desk.edited(made, description="of the shop")
    assert same["version"] == 1 and same["days"] == made["days"]
    changed = desk.edited(made, days=[], timezone="Europe/Berlin")
    assert (changed["version"], changed["days"]) == (2, []) and changed["working_hours"]
    named, _ = desk.wrong("PATCH", f"/calendars/{made['id']}", {"working_hours": None})
    assert named == "holidays"


def test_a_file_closes_days_and_blackouts_and_takes_the_place_of_the_one_before(
    desk: Desk,
) -> None:
    made = desk.calendar(name="c", timezone="Europe/Berlin", days=[{"day": "2026-12-31"}])
    path = f"/calendars/{made['id']}/import"
    text = ics(
        "SUMMARY:Inventory|DTSTART;VALUE=DATE:20260105|RRULE:FREQ=MONTHLY;BYDAY=1MO"
        "|EXDATE;VALUE=DATE:20260202",
        "SUMMARY:Move|DTSTART:20260310T180000Z|DTEND:20260311T040000Z",
    )
    after = desk.told("POST", path, {"ics": text})
    assert (after["imported_days"], after["imported_blackouts"]) == (71, 1)
    days = desk.told("GET", f"/calendars/{made['id']}/days?from=2026-01-01&to=2026-03-31")["days"]
    assert [(one["day"], one["reason"]) for one in days] == [
        ("2026-01-05", "Inventory"),
        ("2026-03-02", "Inventory"),
        ("2026-03-10", "Move"),
        ("2026-03-11", "Move"),
    ]
    assert days[2]["begin"] == "2026-03-10T19:00:00"
    after = desk.told("POST", path, {"ics": ics("DTSTART;VALUE=DATE:20260401")})
    assert (after["imported_days"], after["imported_blackouts"], after["version"]) == (1, 0, 3)
    assert after["days"] == made["days"]


def test_countries_are_listed_with_their_regions(desk: Desk) -> None:
    found = {one["code"]: one for one in desk.told("GET", "/calendars/countries")["countries"]}
    assert found["DE"]["name"] == "Germany" and "BY" in found["DE"]["subdivisions"]
    assert len(found) > 200
