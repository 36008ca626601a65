"""Previews, warnings and conflicts, asked over the API."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.engine.records import lists
from tests.integration.schedules.conftest import BODY, Counter

BERLIN = {"timezone": "Europe/Berlin", "frequency": "cron"}
MARCH = "2027-03-27T00:00:00Z"
OCTOBER = "2027-10-30T00:00:00Z"


def preview(counter: Counter, query: str = "", **fields: Any) -> dict[str, Any]:
    return counter.told("POST", f"/schedules/preview{query}", BODY | fields)


def codes(answer: dict[str, Any]) -> list[str]:
    return [one["code"] for one in answer["warnings"]]


def test_nothing_is_stored(counter: Counter) -> None:
    shown = preview(counter, "?count=3")
    assert len(shown["runs"]) == 3
    assert shown["words"] == "At 00:00"
    assert codes(shown) == []
    assert counter.told("GET", "/schedules")["total"] == 0


def test_a_run_in_the_gap_is_moved_and_one_in_the_repeated_hour_runs_once(counter: Counter) -> None:
    nightly = BERLIN | {"cron_expression": "30 2 * * *"}
    shown = preview(counter, f"?count=2&from={MARCH}", **nightly)
    assert [one["local"] for one in shown["runs"]] == [
        "2027-03-27T02:30:00+01:00",
        "2027-03-28T03:00:00+02:00",
    ]
    assert [one["due_at"] for one in shown["runs"]][1] == "2027-03-28T01:00:00Z"
    assert [one["clock_change"] for one in shown["runs"]] == [
        None,
        {"effect": "moved", "at": "2027-03-28T01:00:00Z", "times": ["2027-03-28T02:30:00"]},
    ]
    shown = preview(counter, f"?count=2&from={OCTOBER}", **nightly)
    (once,) = [one["clock_change"] for one in shown["runs"] if one["clock_change"]]
    assert (once["effect"], once["times"]) == ("once", ["2027-10-31T02:30:00"])
    assert codes(shown) == ["skipped_hour", "repeated_hour"]


def test_what_follows_elapsed_time_is_dropped_and_doubled(counter: Counter) -> None:
    often = BERLIN | {"cron_expression": "30 */2 * * *"}
    shown = preview(counter, f"?count=20&from={MARCH}", **often)
    (dropped,) = [one for one in shown["runs"] if one["clock_change"]]
    assert dropped["local"] == "2027-03-28T04:30:00+02:00"
    assert dropped["clock_change"]["effect"] == "dropped"
    assert dropped["clock_change"]["times"] == ["2027-03-28T02:30:00"]
    shown = preview(counter, f"?count=20&from={OCTOBER}", **often)
    doubled = [one for one in shown["runs"] if one["clock_change"]]
    assert [one["local"] for one in doubled] == [
        "2027-10-31T02:30:00+02:00",
        "2027-10-31T02:30:00+01:00",
    ]
    assert {one["clock_change"]["effect"] for one in doubled} == {"doubled"}


def test_calendars_hold_back_and_move(counter: Counter) -> None:
    days = [{"day": "2027-01-02", "reason": "closed"}]
    counter.told("POST", "/calendars", {"name": "own", "days": days})
    at = "?count=2&from=2027-01-01T12:00:00Z"
    shown = preview(counter, at, calendars=["own"])
    assert [(one["due_at"], one["state"], one["reason"]) for one in shown["runs"]] == [
        ("2027-01-02T00:00:00Z", "held", "closed"),
        ("2027-01-03T00:00:00Z", "scheduled", None),
        ("2027-01-04T00:00:00Z", "scheduled", None),
    ]
    shown = preview(counter, at, calendars=["own"], calendar_rule="next", **_weekly("0 9 * * 6"))
    assert shown["runs"][0]["due_at"] == "2027-01-03T09:00:00Z"
    assert shown["runs"][0]["moved_from"] == ["2027-01-02T09:00:00Z"]
    assert "moved to the next open day when own is closed" in shown["words"]


def _weekly(expression: str) -> dict[str, Any]:
    return {"frequency": "cron", "cron_expression": expression}


def test_jitter_is_known_once_there_is_an_id(counter: Counter) -> None:
    shown = preview(counter, jitter_seconds=600)
    assert {one["effective_at"] for one in shown["runs"]} == {None}
    made = counter.made(jitter_seconds=600)
    shown = counter.told("GET", f"/schedules/{made['id']}/preview?count=50")
    planned = counter.told("GET", f"/schedules/{made['id']}/occurrences")["occurrences"]
    coming = {one["due_at"]: one["effective_at"] for one in shown["runs"]}
    assert len(set(coming.values())) == 50
    for one in planned:
        assert coming[one["due_at"]] == one["effective_at"]


def test_max_runs_ends_the_preview(counter: Counter) -> None:
    engine = counter.engine
    made = counter.made(max_runs=5, frequency="interval", interval_seconds=60)
    at = f"/schedules/{made['id']}/preview"
    assert len(counter.told("GET", at)["runs"]) == 5
    for _ in range(2):
        engine.later(60)
        engine.tick()
        engine.work()
    done = counter.read(made)["run_count"]
    shown = counter.told("GET", at)
    assert len(shown["runs"]) == 5 - done < 5
    last = shown["runs"][-1]["due_at"]
    assert [one["due_at"] for one in counter.told("GET", f"{at}?from={last}")["runs"]] == [last]


def test_words_come_in_the_language_asked_for(counter: Counter) -> None:
    made = counter.made(**_weekly("0 9 * * 1"))
    at = f"/schedules/{made['id']}/preview"
    assert counter.told("GET", f"{at}?language=de")["words"] == "Um 09:00, nur am Montag"
    french = counter.ask("GET", at, accept_language="fr-CH, en;q=0.5").json()
    assert (french["language"], french["words"]) == ("fr", "À 09:00, uniquement le lundi")
    assert counter.told("GET", f"{at}?language=pl")["language"] == "en"
    field, said = counter.wrong("GET", f"{at}?language=xx", None)
    assert field == "language" and "de" in said


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (_weekly("0 0 29 2 *"), "runs_rarely"),
        (_weekly("0 0 31 * *"), "late_day"),
        ({"enabled": False}, "off"),
        ({"frequency": "once", "start_time": "2020-01-01T00:00:00Z"}, "never_runs"),
    ],
)
def test_a_preview_warns(counter: Counter, fields: dict[str, Any], code: str) -> None:
    assert code in codes(preview(counter, **fields))


def test_a_creation_warns_of_the_same_and_of_what_it_meets(counter: Counter) -> None:
    first = counter.made(name="first", project_id=7, frequency="hourly")
    assert first["warnings"] == []
    other = counter.made(name="elsewhere", project_id=8, frequency="hourly")
    assert other["warnings"] == []
    second = counter.made(project_id=7, **_weekly("@hourly"))
    assert codes(second) == ["same_as_another", "meets_another"]
    assert f"first ({first['id']})" in second["warnings"][0]["message"]
    changed = counter.changed(second, **_weekly("30 * * * *"))
    assert codes(changed) == []
    etag = counter.ask("PATCH", f"/schedules/{second['id']}", {"description": "x"}).headers["ETag"]
    assert counter.ask("GET", f"/schedules/{second['id']}").headers["ETag"] == etag


def test_conflicts_are_those_of_one_project_by_what_runs_really_take(counter: Counter) -> None:
    engine = counter.engine
    every = {"frequency": "interval", "timeout_seconds": 600}
    on_time = counter.made(name="a", project_id=7, interval_seconds=600, **every)
    counter.made(name="b", project_id=8, interval_seconds=600, **every)
    begin = (engine.clock.now().replace(second=0, microsecond=0)).isoformat()
    late = counter.made(
        name="c", project_id=7, interval_seconds=600, start_time=_later(begin, 60), **every
    )
    found = counter.told("GET", "/schedules/conflicts?project_id=7")
    (one,) = found["conflicts"]
    assert {each["schedule_id"] for each in one["schedules"]} == {on_time["id"], late["id"]}
    assert one["shares"] == [{"kind": "task", "value": "works"}]
    assert {each["learned"] for each in one["schedules"]} == {False}
    assert (found["total_schedules"], found["looked_at"], found["complete"]) == (2, 2, True)
    for _ in range(10):
        engine.later(600)
        engine.tick()
        engine.work()
    found = counter.told("GET", "/schedules/conflicts?project_id=7")
    assert found["conflicts"] == []  # a run takes no time at all
    assert found["busiest_minutes"][0]["runs"] == 1
    assert counter.told("GET", "/schedules/conflicts")["total_schedules"] == 0


@pytest.mark.parametrize("project_id", [7, None])
def test_a_project_is_the_same_however_its_rows_are_read(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, project_id: int | None
) -> None:
    of = {} if project_id is None else {"project_id": project_id}
    made = [counter.made(name=f"n{number}", **of)["id"] for number in range(4)]
    at = {"frequency": "once", "start_time": _later(counter.engine.clock.now().isoformat(), 0)}
    made.append(counter.made(name="single", **at, **of)["id"])
    counter.made(name="of others", project_id=8)
    counter.ask("DELETE", f"/schedules/{made.pop(0)}")
    read = counter.engine.app.lists.of_project
    few = read(project_id, 10)
    assert (few[0], sorted(one.id for one in few[1])) == (4, sorted(made))
    monkeypatch.setattr(lists, "_FEW", 0)
    assert read(project_id, 10) == few
    monkeypatch.setattr(lists, "_SOME", 0)
    assert read(project_id, 10) == few
    newest = read(project_id, 1)
    assert newest == (4, few[1][:1])


def _later(begin: str, seconds: int) -> str:
    at = datetime.fromisoformat(begin)
    on_the_hour = at.replace(minute=0)
    return (on_the_hour + timedelta(hours=1, seconds=seconds)).isoformat()


def test_the_most_is_bounded(counter: Counter) -> None:
    assert counter.wrong("POST", "/schedules/preview?count=501", BODY)[0] == "count"
    shown = preview(counter, "?count=500", **_weekly("* * * * *"))
    assert len(shown["runs"]) == 500
