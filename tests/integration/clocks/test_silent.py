"""A clock that falls silent is reported within five minutes, and none that did not."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.api import site
from shared.engine.dispatch.names import DISPATCHER, HTTP, MESSAGE
from shared.schedules.job import Status
from tests.integration.clocks.conftest import START, SimulatedEngine, said

_MINUTE = timedelta(minutes=1)


def reported(caplog: pytest.LogCaptureFixture) -> set[str]:
    return {fields["clock"] for fields in said(caplog, "clock_silent")}


def test_none_is_reported_right_after_the_start(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.run(16 * _MINUTE, engine.every_clock)
    assert reported(caplog) == set()
    runs = [job for job in engine.app.table.jobs("health_monitor")]
    assert len(runs) == 3 and {job.status for job in runs} == {Status.SUCCEEDED}
    assert [job.result["silent"] for job in runs if job.result] == [[]] * 3


@pytest.mark.parametrize("stops_at", [6, 7, 8, 9, 10])
@pytest.mark.parametrize("silenced", [DISPATCHER, MESSAGE])
def test_a_silent_clock_is_reported_within_five_minutes_and_not_before(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture, silenced: str, stops_at: int
) -> None:
    engine.run(stops_at * _MINUTE + timedelta(seconds=1), engine.every_clock)
    last = engine.app.meta.clocks()[silenced]
    assert reported(caplog) == set()
    others = engine.every_clock - {silenced}
    engine.run(last + 2 * _MINUTE - engine.now, others)
    assert reported(caplog) == set()
    engine.run(last + 5 * _MINUTE - engine.now, others)
    assert reported(caplog) == {silenced}
    first = said(caplog, "clock_silent")[0]
    assert first["last_seen"] == last.isoformat().replace("+00:00", "Z")
    assert 120 <= first["seconds"] <= 300
    levels = {r.levelname for r in caplog.records if getattr(r, "event", "") == "clock_silent"}
    assert levels == {"ERROR"}


@pytest.mark.parametrize("alive", [DISPATCHER, MESSAGE, HTTP])
def test_every_other_clock_is_reported_when_one_is_left(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture, alive: str
) -> None:
    engine.run(6 * _MINUTE, engine.every_clock)
    engine.run(10 * _MINUTE, {alive})
    assert reported(caplog) == engine.often - {alive}


def test_the_monitors_own_timer_alone_reports_the_others(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.run(6 * _MINUTE, engine.every_clock)
    engine.run(10 * _MINUTE, {"health_monitor"})
    assert reported(caplog) == engine.often - {"health_monitor"}


def test_the_log_is_told_once_and_then_once_an_hour(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.run(6 * _MINUTE, engine.every_clock)
    engine.run(64 * _MINUTE, {DISPATCHER})
    count = Counter(fields["clock"] for fields in said(caplog, "clock_silent"))
    assert (count[MESSAGE], count["health_monitor"]) == (2, 1)


def test_a_daily_timer_is_expected_once_it_is_known_and_due(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    """The cleanup's last wake-up, at 02:00, was before the start; its next is missed."""
    alive = engine.every_clock - {"schedule_cleanup"}
    engine.run(6 * _MINUTE, alive)
    assert reported(caplog) == set()
    engine.clock.set(START.replace(hour=1, minute=58) + timedelta(days=1))
    engine.run(3 * _MINUTE, alive)
    assert reported(caplog) == set()
    engine.run(4 * _MINUTE, alive)
    assert reported(caplog) == {"schedule_cleanup"}


@pytest.mark.parametrize("away", [timedelta(minutes=4), timedelta(hours=2), timedelta(days=3)])
@pytest.mark.parametrize("first", [DISPATCHER, MESSAGE])
def test_none_is_reported_when_all_was_off_and_comes_back(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture, away: timedelta, first: str
) -> None:
    engine.run(6 * _MINUTE, engine.every_clock)
    engine.clock.advance(away)
    engine.run(_MINUTE, {first})
    for name in sorted(engine.every_clock - {MESSAGE}):
        engine.fire(name)  # past due, as a host that starts again does
    engine.run(10 * _MINUTE, engine.every_clock)
    assert reported(caplog) == set()


@pytest.mark.parametrize("away", [timedelta(seconds=311), timedelta(seconds=3611)])
def test_a_ping_that_comes_first_after_a_pause_does_not_judge_the_others(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture, away: timedelta
) -> None:
    engine.run(6 * _MINUTE, engine.every_clock | {HTTP})
    engine.clock.advance(away)
    engine.ping()
    engine.run(timedelta(seconds=1), set())
    for name in ("health_monitor", DISPATCHER, "schedule_reconciler"):
        engine.fire(name)  # those that are past due
    engine.run(10 * _MINUTE, engine.every_clock | {HTTP})
    assert reported(caplog) == set()


def test_instances_that_start_all_the_time_do_not_hide_a_silent_clock(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.run(6 * _MINUTE, engine.every_clock)
    for _ in range(5):
        engine.run(_MINUTE, engine.every_clock - {DISPATCHER})
        engine.app.prepare()
    assert reported(caplog) == {DISPATCHER}


def test_a_clock_that_comes_back_is_reported_no_more(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.run(6 * _MINUTE, engine.every_clock)
    engine.run(6 * _MINUTE, engine.every_clock - {DISPATCHER})
    assert reported(caplog) == {DISPATCHER}
    engine.run(3 * _MINUTE, engine.every_clock)
    caplog.clear()
    engine.run(6 * _MINUTE, engine.every_clock)
    assert reported(caplog) == set()
    engine.run(6 * _MINUTE, engine.every_clock - {DISPATCHER})
    assert reported(caplog) == {DISPATCHER}


def test_a_pinger_that_stopped_is_a_warning_for_a_day(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.run(6 * _MINUTE, engine.every_clock | {HTTP})
    engine.run(13 * _MINUTE, engine.every_clock)
    assert reported(caplog) == set()
    engine.run(7 * _MINUTE, engine.every_clock)
    assert reported(caplog) == {HTTP}
    levels = {r.levelname for r in caplog.records if getattr(r, "event", "") == "clock_silent"}
    assert levels == {"WARNING"}


def test_uptime_shows_which_is_silent(engine: SimulatedEngine) -> None:
    assert shown(engine) == ("starting", [])
    engine.run(6 * _MINUTE, engine.every_clock)
    assert shown(engine) == ("up", [])
    engine.run(6 * _MINUTE, engine.every_clock - {DISPATCHER})
    assert shown(engine) == ("up", [DISPATCHER])
    engine.clock.advance(5 * _MINUTE)
    assert shown(engine)[0] == "late"


def shown(engine: SimulatedEngine) -> tuple[str, list[str]]:
    told: Any = site.uptime(lambda: engine.app)
    assert isinstance(told.started_at, datetime)
    return told.status, [one.clock for one in told.silent]
