"""A clock that falls silent is reported within five minutes, and none that did not."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.api import site
from shared.engine.dispatch.clocks import DISPATCHER, MESSAGE
from shared.engine.dispatch.health import HTTP
from shared.schedules.job import Status
from tests.integration.clocks.conftest import START, Sim, said

_MINUTE = timedelta(minutes=1)


def reported(caplog: pytest.LogCaptureFixture) -> set[str]:
    return {fields["clock"] for fields in said(caplog, "clock_silent")}


def test_none_is_reported_right_after_the_start(sim: Sim, caplog: pytest.LogCaptureFixture) -> None:
    sim.run(16 * _MINUTE, sim.every_clock)
    assert reported(caplog) == set()
    runs = [job for job in sim.app.table.jobs("health_monitor")]
    assert len(runs) == 3 and {job.status for job in runs} == {Status.SUCCEEDED}
    assert [job.result for job in runs] == [{"silent": []}] * 3


@pytest.mark.parametrize("stops_at", [6, 7, 8, 9, 10])
@pytest.mark.parametrize("silenced", [DISPATCHER, MESSAGE])
def test_a_silent_clock_is_reported_within_five_minutes_and_not_before(
    sim: Sim, caplog: pytest.LogCaptureFixture, silenced: str, stops_at: int
) -> None:
    sim.run(stops_at * _MINUTE + timedelta(seconds=1), sim.every_clock)
    last = sim.app.meta.clocks()[silenced]
    assert reported(caplog) == set()
    others = sim.every_clock - {silenced}
    sim.run(last + 2 * _MINUTE - sim.now, others)
    assert reported(caplog) == set()
    sim.run(last + 5 * _MINUTE - sim.now, others)
    assert reported(caplog) == {silenced}
    first = said(caplog, "clock_silent")[0]
    assert first["last_seen"] == last.isoformat().replace("+00:00", "Z")
    assert 120 <= first["seconds"] <= 300
    levels = {r.levelname for r in caplog.records if getattr(r, "event", "") == "clock_silent"}
    assert levels == {"ERROR"}


@pytest.mark.parametrize("alive", [DISPATCHER, MESSAGE, HTTP])
def test_every_other_clock_is_reported_when_one_is_left(
    sim: Sim, caplog: pytest.LogCaptureFixture, alive: str
) -> None:
    sim.run(6 * _MINUTE, sim.every_clock)
    sim.run(10 * _MINUTE, {alive})
    expected = {DISPATCHER, MESSAGE, "health_monitor", "backup_monitor"} - {alive}
    assert reported(caplog) == expected


def test_the_monitors_own_timer_alone_reports_the_others(
    sim: Sim, caplog: pytest.LogCaptureFixture
) -> None:
    sim.run(6 * _MINUTE, sim.every_clock)
    sim.run(10 * _MINUTE, {"health_monitor"})
    assert reported(caplog) == {DISPATCHER, MESSAGE, "backup_monitor"}


def test_the_log_is_told_once_and_then_once_an_hour(
    sim: Sim, caplog: pytest.LogCaptureFixture
) -> None:
    sim.run(6 * _MINUTE, sim.every_clock)
    sim.run(64 * _MINUTE, {DISPATCHER})
    count = Counter(fields["clock"] for fields in said(caplog, "clock_silent"))
    assert (count[MESSAGE], count["health_monitor"]) == (2, 1)


def test_a_daily_timer_is_expected_once_it_is_known_and_due(
    sim: Sim, caplog: pytest.LogCaptureFixture
) -> None:
    """The cleanup's last wake-up, at 02:00, was before the start; its next is missed."""
    alive = {DISPATCHER, MESSAGE, "health_monitor", "schedule_reconciler"}
    alive |= {"backup_monitor", "backup_upkeep"}
    sim.run(6 * _MINUTE, alive)
    assert reported(caplog) == set()
    sim.clock.set(START.replace(hour=1, minute=58) + timedelta(days=1))
    sim.run(3 * _MINUTE, alive)
    assert reported(caplog) == set()
    sim.run(4 * _MINUTE, alive)
    assert reported(caplog) == {"schedule_cleanup"}


@pytest.mark.parametrize("away", [timedelta(minutes=4), timedelta(hours=2), timedelta(days=3)])
@pytest.mark.parametrize("first", [DISPATCHER, MESSAGE])
def test_none_is_reported_when_all_was_off_and_comes_back(
    sim: Sim, caplog: pytest.LogCaptureFixture, away: timedelta, first: str
) -> None:
    sim.run(6 * _MINUTE, sim.every_clock)
    sim.clock.advance(away)
    sim.run(_MINUTE, {first})
    for name in sorted(sim.every_clock - {MESSAGE}):
        sim.fire(name)  # past due, as a host that starts again does
    sim.run(10 * _MINUTE, sim.every_clock)
    assert reported(caplog) == set()


@pytest.mark.parametrize("away", [timedelta(seconds=311), timedelta(seconds=3611)])
def test_a_ping_that_comes_first_after_a_pause_does_not_judge_the_others(
    sim: Sim, caplog: pytest.LogCaptureFixture, away: timedelta
) -> None:
    sim.run(6 * _MINUTE, sim.every_clock | {HTTP})
    sim.clock.advance(away)
    sim.ping()
    sim.run(timedelta(seconds=1), set())
    for name in ("health_monitor", DISPATCHER, "schedule_reconciler"):
        sim.fire(name)  # those that are past due
    sim.run(10 * _MINUTE, sim.every_clock | {HTTP})
    assert reported(caplog) == set()


def test_instances_that_start_all_the_time_do_not_hide_a_silent_clock(
    sim: Sim, caplog: pytest.LogCaptureFixture
) -> None:
    sim.run(6 * _MINUTE, sim.every_clock)
    for _ in range(5):
        sim.run(_MINUTE, sim.every_clock - {DISPATCHER})
        sim.app.prepare()
    assert reported(caplog) == {DISPATCHER}


def test_a_clock_that_comes_back_is_reported_no_more(
    sim: Sim, caplog: pytest.LogCaptureFixture
) -> None:
    sim.run(6 * _MINUTE, sim.every_clock)
    sim.run(6 * _MINUTE, sim.every_clock - {DISPATCHER})
    assert reported(caplog) == {DISPATCHER}
    sim.run(3 * _MINUTE, sim.every_clock)
    caplog.clear()
    sim.run(6 * _MINUTE, sim.every_clock)
    assert reported(caplog) == set()
    sim.run(6 * _MINUTE, sim.every_clock - {DISPATCHER})
    assert reported(caplog) == {DISPATCHER}


def test_a_pinger_that_stopped_is_a_warning_for_a_day(
    sim: Sim, caplog: pytest.LogCaptureFixture
) -> None:
    sim.run(6 * _MINUTE, sim.every_clock | {HTTP})
    sim.run(13 * _MINUTE, sim.every_clock)
    assert reported(caplog) == set()
    sim.run(7 * _MINUTE, sim.every_clock)
    assert reported(caplog) == {HTTP}
    levels = {r.levelname for r in caplog.records if getattr(r, "event", "") == "clock_silent"}
    assert levels == {"WARNING"}


def test_uptime_shows_which_is_silent(sim: Sim) -> None:
    assert shown(sim) == ("starting", [])
    sim.run(6 * _MINUTE, sim.every_clock)
    assert shown(sim) == ("up", [])
    sim.run(6 * _MINUTE, sim.every_clock - {DISPATCHER})
    assert shown(sim) == ("up", [DISPATCHER])
    sim.clock.advance(5 * _MINUTE)
    assert shown(sim)[0] == "late"


def shown(sim: Sim) -> tuple[str, list[str]]:
    told: Any = site.uptime(lambda: sim.app)
    assert isinstance(told.started_at, datetime)
    return told.status, [one.clock for one in told.silent]
