"""What is asked for and would never run is refused; a `once` for now runs at once, and once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.engine.commands.once import run_once
from tests.integration.engine.conftest import START
from tests.integration.schedules.conftest import Counter

LEAP = {"frequency": "cron", "cron_expression": "0 0 29 2 *"}


def text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def ago(seconds: float) -> str:
    """So long before the test's clock, which shows 12:00:01."""
    return text(START + timedelta(seconds=1 - seconds))


PAST: list[tuple[dict[str, Any], str, str]] = [
    ({"frequency": "once", "start_time": ago(60)}, "start_time", "it is 2026-03-01T12:00:01Z now"),
    (
        {"frequency": "once", "start_time": "2020-01-01T00:00:00+01:00"},
        "start_time",
        "2020-01-01T00:00:00+01:00 has passed",
    ),
    ({"end_time": ago(60)}, "end_time", "2026-03-01T11:59:01Z has passed"),
    ({"end_time": ago(0)}, "end_time", "has passed: it is 2026-03-01T12:00:01Z now"),
    ({"start_time": ago(9000), "end_time": ago(60)}, "end_time", "has passed"),
    ({"end_time": ago(-60)}, "end_time", "the first run would be at 2026-03-02T00:00:00Z"),
    ({"start_time": ago(-60), "end_time": ago(-30)}, "end_time", "later than start_time"),
    (
        {"frequency": "once", "start_time": ago(-60), "end_time": ago(-30)},
        "end_time",
        "later than start_time",
    ),
    (LEAP | {"end_time": "2028-02-28T00:00:00Z"}, "end_time", "2028-02-29T00:00:00Z"),
]


@pytest.mark.parametrize(("fields", "field", "said"), PAST)
def test_what_would_never_run_is_refused_with_what_would_be_right(
    counter: Counter, fields: dict[str, Any], field: str, said: str
) -> None:
    for enabled in (True, False):
        found, message = counter.refused(**fields, enabled=enabled)
        assert found == field and said in message
    made = counter.made(timezone="Asia/Tokyo")
    found, message = counter.unchanged(made, **{"timezone": "UTC"} | fields)
    assert found == field and said in message


def test_an_end_before_the_next_run_ends_it(counter: Counter) -> None:
    ended = counter.changed(counter.made(), end_time=ago(-60))
    assert (ended["is_active"], ended["next_run_at"]) == (False, None)
    assert ended["inactive_reason"] == "no run is left before its end_time"
    field, said = counter.unchanged(ended, end_time=ago(-90))
    assert field == "end_time" and "the first run would be at 2026-03-02T00:00:00Z" in said


@pytest.mark.parametrize("seconds", [0, 5, 30])
def test_a_once_for_now_runs_at_once(counter: Counter, seconds: float) -> None:
    made = counter.made(frequency="once", start_time=ago(seconds))
    due = "2026-03-01T12:00:02Z"
    assert (made["start_time"], made["next_run_at"], made["is_active"]) == (due, due, True)
    counter.engine.later(1)
    (job,) = counter.engine.work()
    assert (job.status.value, job.lateness_seconds) == ("succeeded", 0)
    assert counter.read(made)["success_count"] == 1
    (occurrence,) = counter.told("GET", f"/schedules/{made['id']}/occurrences")["occurrences"]
    assert (occurrence["state"], occurrence["job_id"]) == ("succeeded", job.id)


def test_a_change_to_now_runs_at_once_and_asked_again_does_not_run_twice(counter: Counter) -> None:
    made = counter.made()
    asked = {"frequency": "once", "start_time": ago(3)}
    first = counter.changed(made, **asked)
    assert first["next_run_at"] == "2026-03-01T12:00:02Z"
    counter.engine.later(1)
    (job,) = counter.engine.work()
    counter.engine.later(4)
    again = counter.changed(made, **asked)
    assert again["is_active"] is False and again["start_time"] == first["start_time"]
    counter.engine.tick()
    assert counter.engine.work() == [] and counter.engine.calls.started == [job.id]
    later = counter.changed(made, start_time=text(counter.engine.clock.now()))
    assert later["next_run_at"] == "2026-03-01T12:00:07Z"


def test_a_once_that_ran_long_ago_can_be_changed(counter: Counter) -> None:
    made = counter.made(frequency="once", start_time=ago(0))
    counter.engine.later(1)
    counter.engine.work()
    counter.engine.later(86_400)
    ran = counter.read(made)
    assert ran["inactive_reason"] == "its one time was handed out, or has passed"
    for fields in (
        {"name": "Other", "description": "It ran.", "tags": {"is": "old"}, "jitter_seconds": 5},
        {"timezone": "Europe/Berlin"},
        {"start_time": ran["start_time"], "frequency": "once"},
        {"task_parameters": {}, "max_attempts": 2},
        {"enabled": False},
        {"enabled": True},
        {"end_time": text(START + timedelta(days=9))},
        {"end_time": None},
    ):
        changed = counter.changed(made, **fields)
        assert fields.items() <= changed.items() and changed["is_active"] is False
    field, said = counter.unchanged(made, start_time=ago(60))
    assert field == "start_time" and "it is 2026-03-02T12:00:02Z now" in said
    field, said = counter.unchanged(made, end_time=text(START + timedelta(hours=1)))
    assert field == "end_time" and "2026-03-01T13:00:00Z has passed" in said
    daily = counter.changed(made, frequency="daily")
    assert daily["next_run_at"] == "2026-03-02T23:00:00Z"


def test_one_past_its_end_says_so_and_can_be_changed(counter: Counter) -> None:
    made = counter.made(end_time="2026-03-02T18:00:00Z")
    counter.engine.later(86_400)
    counter.engine.tick()
    counter.engine.work()
    assert counter.read(made)["inactive_reason"] == "no run is left before its end_time"
    counter.engine.later(86_400)
    assert counter.read(made)["inactive_reason"] == "past its end_time"
    assert counter.changed(made, name="Other")["name"] == "Other"
    field, said = counter.unchanged(made, timezone="Europe/Berlin")
    assert field == "end_time" and "2026-03-02T18:00:00Z has passed" in said
    longer = counter.changed(made, end_time=None, timezone="Europe/Berlin")
    assert longer["is_active"] is True


def test_a_single_run_that_was_asked_for_is_made_and_runs(counter: Counter) -> None:
    engine = counter.engine
    task = engine.app.registry.get("works")
    asked = run_once(engine.app.manager, engine.clock, task, {}, name="by hand")
    assert [job.id for job in engine.work()] == [asked.job_id]
    shown = counter.read({"id": asked.schedule.id})
    assert (shown["frequency"], shown["enabled"], shown["is_active"]) == ("once", False, False)
