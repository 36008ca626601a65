"""Schedules that observe calendars, through the API, the tick and the ledger."""

from __future__ import annotations

from typing import Any

import pytest

from shared.access import LOCAL
from shared.calendars.spreading import Spreading
from shared.errors import Unavailable
from tests.context import job_of
from tests.integration.calendars.conftest import Desk
from tests.integration.calendars.test_api import ics


def test_a_schedule_runs_on_working_days_and_says_what_was_held_back(desk: Desk) -> None:
    desk.calendar()
    one = desk.daily("Week")
    assert (one["calendars"], one["calendar_rule"]) == (["Week"], "skip")
    assert one["next_run_at"] == "2026-03-02T00:00:00Z"
    assert desk.occurrences(one, "2026-03-06", "2026-03-10") == [
        ("2026-03-06", "scheduled"),
        ("2026-03-07", "held"),
        ("2026-03-08", "held"),
        ("2026-03-09", "scheduled"),
    ]
    span = "from=2026-03-06T00:00:00Z&to=2026-03-10T00:00:00Z"
    found = desk.told("GET", f"/schedules/{one['id']}/occurrences?{span}")
    assert found["total"] == 2
    held = found["occurrences"][1]
    assert (held["calendar"], held["reason"]) == ("Week", "Saturday is no working day")
    first = desk.told("GET", f"/schedules/{one['id']}/occurrences?{span}&page_size=1")
    assert [item["state"] for item in first["occurrences"]] == ["scheduled"]
    second = desk.told("GET", f"/schedules/{one['id']}/occurrences?{span}&page_size=1&page=2")
    assert [item["state"] for item in second["occurrences"]] == ["held", "scheduled"]


def test_a_moved_run_says_from_when(desk: Desk) -> None:
    desk.calendar()
    one = desk.made(
        frequency="cron", cron_expression="0 3 * * 0,6", calendars=["Week"], calendar_rule="next"
    )
    assert one["next_run_at"] == "2026-03-02T03:00:00Z"
    span = "from=2026-03-02T00:00:00Z&to=2026-03-10T00:00:00Z"
    found = desk.told("GET", f"/schedules/{one['id']}/occurrences?{span}")
    assert found["total"] == 2
    assert [item["moved_from"] for item in found["occurrences"]] == [
        ["2026-02-28T03:00:00Z", "2026-03-01T03:00:00Z"],
        ["2026-03-07T03:00:00Z", "2026-03-08T03:00:00Z"],
    ]
    assert found["occurrences"][1]["calendar"] == "Week"


def test_a_change_of_a_calendar_changes_what_is_expected_from_then_on(desk: Desk) -> None:
    """What was before stays: the ledger adds up, with the run that the new calendar would close."""
    week = desk.calendar()
    one = desk.daily("Week")
    other = desk.daily(name="plain")
    desk.engine.later(43_260)  # Monday, a minute past midnight
    desk.engine.tick()
    desk.engine.work()
    before = len(desk.engine.app.table.versions(one["id"]))
    after = desk.edited(week, days=[{"day": "2026-03-02"}, {"day": "2026-03-03"}])
    assert (after["version"], after["schedules_changed"]) == (2, [one["id"]])
    assert after["schedules_behind"] == [] and not after["pending"]
    assert desk.read(one)["next_run_at"] == "2026-03-04T00:00:00Z"
    assert desk.read(other)["next_run_at"] == "2026-03-03T00:00:00Z"
    assert len(desk.engine.app.table.versions(one["id"])) == before + 1
    assert desk.occurrences(one, "2026-03-02", "2026-03-05") == [
        ("2026-03-02", "succeeded"),
        ("2026-03-03", "held"),
        ("2026-03-04", "scheduled"),
    ]
    desk.engine.later(86_400)
    desk.engine.tick()
    made = desk.engine.app.ledger.reconcile(lambda: None)
    assert made.good and "held" not in made.result()


def test_a_name_or_a_description_alone_computes_no_run_anew(desk: Desk) -> None:
    week = desk.calendar()
    one = desk.daily("Week")
    versions = len(desk.engine.app.table.versions(one["id"]))
    assert desk.edited(week, description="of all")["schedules_changed"] == []
    assert len(desk.engine.app.table.versions(one["id"])) == versions
    assert desk.edited(week, name="Working days")["schedules_changed"] == [one["id"]]
    assert desk.read(one)["calendars"] == ["Working days"]


def test_a_change_that_was_interrupted_is_finished(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is killed after the first of three schedules."""
    week = desk.calendar()
    ids = sorted(desk.daily("Week", name=name)["id"] for name in "abc")
    real = Spreading._renewed
    done: list[str] = []

    def killed(self: Any, schedule_id: str, *rest: Any) -> Any:
        if done:
            raise KeyboardInterrupt
        done.append(schedule_id)
        return real(self, schedule_id, *rest)

    monkeypatch.setattr(Spreading, "_renewed", killed)
    with pytest.raises(KeyboardInterrupt):
        desk.engine.app.calendars.change(
            LOCAL,
            week["id"],
            _closed,
        )
    monkeypatch.undo()
    assert desk.told("GET", f"/calendars/{week['id']}")["pending"]
    runs = [desk.told("GET", f"/schedules/{one}")["next_run_at"] for one in ids]
    assert sorted(runs) == [*["2026-03-02T00:00:00Z"] * 2, "2026-03-03T00:00:00Z"]
    result = desk.engine.app.calendars.keep_up(job_of(clock=desk.engine.clock))
    assert (result["schedules_changed"], result["schedules_behind"]) == (2, [])
    for one in ids:
        assert desk.told("GET", f"/schedules/{one}")["next_run_at"] == "2026-03-03T00:00:00Z"
    assert not desk.told("GET", f"/calendars/{week['id']}")["pending"]
    again = desk.engine.app.calendars.keep_up(job_of(clock=desk.engine.clock))
    assert again["schedules_changed"] == 0


def _closed(calendar: Any) -> Any:
    from dataclasses import replace
    from datetime import date

    from shared.recurrence import DayOff

    days = (DayOff(date(2026, 3, 2), "closed"),)
    return replace(calendar, definition=replace(calendar.definition, days=days))


def test_a_schedule_that_cannot_be_changed_keeps_none_of_the_others_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    week = desk.calendar()
    bad, good = sorted(desk.daily("Week", name=name)["id"] for name in "ab")
    real = Spreading._renewed

    def failing(self: Any, schedule_id: str, *rest: Any) -> Any:
        if schedule_id == bad:
            raise Unavailable("table storage", "it did not answer")
        return real(self, schedule_id, *rest)

    monkeypatch.setattr(Spreading, "_renewed", failing)
    after = desk.edited(week, days=[{"day": "2026-03-02"}])
    assert (after["schedules_changed"], after["schedules_behind"]) == ([good], [bad])
    assert after["pending"]
    monkeypatch.undo()
    desk.engine.app.calendars.keep_up(job_of(clock=desk.engine.clock))
    assert desk.told("GET", f"/schedules/{bad}")["next_run_at"] == "2026-03-03T00:00:00Z"


def test_a_schedule_that_is_saved_while_its_calendar_changes_has_the_new_one(desk: Desk) -> None:
    """The calendar is changed between its being read and the schedule's being stored."""
    week = desk.calendar()
    manager = desk.engine.app.manager
    real = manager.create

    def late(*given: Any, **more: Any) -> Any:
        manager.create = real  # type: ignore[method-assign]
        desk.edited(week, days=[{"day": "2026-03-02"}])
        return real(*given, **more)

    manager.create = late  # type: ignore[method-assign]
    one = desk.daily("Week")
    assert one["next_run_at"] == "2026-03-03T00:00:00Z"


def test_calendars_that_leave_nothing_are_refused_and_named(desk: Desk) -> None:
    desk.calendar(name="Mornings", working_hours={"monday": ["09:00-10:00"]})
    field, message = desk.refused(calendars=["Mornings"])
    assert field == "calendars"
    assert "Mornings" in message and "leaves no run" in message
    one = desk.made()
    field, message = desk.unchanged(one, calendars=["Mornings"], calendar_rule="next")
    assert field == "calendars" and "leaves no run" in message


def test_a_calendar_that_comes_to_leave_nothing_is_shown(desk: Desk) -> None:
    calendar = desk.calendar(name="c", days=[{"day": "2026-03-02"}])
    one = desk.daily("c")
    desk.edited(calendar, working_hours={"monday": ["09:00-10:00"]})
    shown = desk.read(one)
    assert shown["next_run_at"] is None and not shown["is_active"]
    assert shown["inactive_reason"] == "c holds every run back"


def test_what_a_schedule_observes_is_changed_and_cleared(desk: Desk) -> None:
    desk.calendar()
    one = desk.made(frequency="cron", cron_expression="0 3 * * 6")
    assert (one["calendars"], one["calendar_rule"]) == ([], None)
    with_rule = desk.changed(one, calendars=["week"], calendar_rule="previous")
    assert with_rule["calendars"] == ["Week"]
    assert with_rule["next_run_at"] == "2026-03-06T03:00:00Z"
    assert desk.changed(one, calendar_rule="next")["next_run_at"] == "2026-03-02T03:00:00Z"
    assert desk.changed(one, name="other")["calendars"] == ["Week"]
    cleared = desk.changed(one, calendars=[])
    assert (cleared["calendars"], cleared["next_run_at"]) == ([], "2026-03-07T03:00:00Z")
    assert desk.unchanged(one, calendar_rule="next")[0] == "calendar_rule"
    field, message = desk.unchanged(one, calendars=["Weak"])
    assert field == "calendars" and "Week" in message


def test_holidays_of_years_that_come_into_reach_are_added(desk: Desk) -> None:
    made = desk.calendar(name="DE", holidays={"country": "DE"})
    one = desk.daily("DE")
    job = job_of(clock=desk.engine.clock)
    assert desk.engine.app.calendars.keep_up(job)["extended"] == 0
    desk.engine.later(366 * 86_400)
    result = desk.engine.app.calendars.keep_up(job_of(clock=desk.engine.clock))
    assert (result["extended"], result["schedules_changed"]) == (1, 0)
    after = desk.told("GET", f"/calendars/{made['id']}")
    assert (after["holidays_until"], after["version"], after["pending"]) == ("2032-12-31", 2, False)
    assert desk.occurrences(one, "2032-10-02", "2032-10-04") == [
        ("2032-10-02", "scheduled"),
        ("2032-10-03", "held"),
    ]


def test_an_import_reaches_the_schedules(desk: Desk) -> None:
    made = desk.calendar(name="c", days=[{"day": "2026-12-31"}])
    one = desk.daily("c")
    text = ics("SUMMARY:Move|DTSTART;VALUE=DATE:20260302|DURATION:P2D")
    after = desk.told("POST", f"/calendars/{made['id']}/import", {"ics": text})
    assert after["schedules_changed"] == [one["id"]]
    assert desk.read(one)["next_run_at"] == "2026-03-04T00:00:00Z"
