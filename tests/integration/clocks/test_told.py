"""People are told of a silent clock within five minutes, once, and once when it ticks again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from shared.alerts.port import AlertKind
from shared.engine.dispatch.names import DISPATCHER, HTTP, MESSAGE
from shared.errors import Unavailable
from tests.integration.clocks.conftest import SimulatedEngine, said

_MINUTE = timedelta(minutes=1)
_UNLIKE_HOURLY = 12 * _MINUTE
"""From any minute before 12:10 on, so long no hourly clock is missed."""


def told(engine: SimulatedEngine) -> dict[str, datetime]:
    """When each message about a clock was written, by what it says of which clock."""
    entries, _ = engine.app.notifications().page(None, None, 1, 100)
    kept = [one for one in entries if one.key.startswith("clock_")]
    found = {":".join(one.key.split(":")[:3]): one.created_at for one in kept}
    assert len(found) == len(kept), "told twice"
    return found


def missed(engine: SimulatedEngine, clock: str) -> datetime:
    """The first wake-up after a clock's last tick."""
    minutes = 1 if clock in (DISPATCHER, MESSAGE) else 5
    return engine.app.meta.clocks()[clock] + minutes * _MINUTE


@pytest.mark.parametrize(
    "moment",
    [timedelta(minutes=5, seconds=1), timedelta(minutes=6, seconds=31), timedelta(minutes=8)],
    ids=str,
)
@pytest.mark.parametrize(
    "alive",
    [
        pytest.param({DISPATCHER}, id="dispatcher"),
        pytest.param({MESSAGE}, id="message"),
        pytest.param({"health_monitor"}, id="5 minutes"),
        pytest.param({"health_monitor", "backup_monitor", "schedule_cleanup"}, id="tasks"),
        pytest.param({"schedule_reconciler"}, id="hourly"),
        pytest.param({"schedule_cleanup"}, id="daily"),
        pytest.param({HTTP}, id="http"),
        pytest.param(set(), id="work"),
    ],
)
def test_people_are_told_within_five_minutes_whatever_clock_is_left(
    engine: SimulatedEngine, alive: set[str], moment: timedelta
) -> None:
    """Of the first wake-up that was missed."""
    engine.run(moment, engine.every_clock)
    dead = [clock for clock in engine.often if clock not in alive]
    until = {f"clock_silent:{clock}:opened": missed(engine, clock) + 5 * _MINUTE for clock in dead}
    engine.run(_UNLIKE_HOURLY, alive)
    found = told(engine)
    assert found.keys() == until.keys()
    assert [key for key in found if found[key] > until[key]] == []


@pytest.mark.parametrize("alive", [{DISPATCHER}, {"health_monitor"}], ids=str)
def test_they_are_told_without_a_worker(engine: SimulatedEngine, alive: set[str]) -> None:
    engine.run(6 * _MINUTE, engine.every_clock)
    engine.run(_UNLIKE_HOURLY, alive, works=False)
    dead = {clock for clock in engine.often if clock not in alive}
    assert told(engine).keys() == {f"clock_silent:{clock}:opened" for clock in dead}


def test_they_are_told_once_and_once_more_when_it_ticks_again(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.run(6 * _MINUTE, engine.every_clock)
    engine.run(70 * _MINUTE, engine.every_clock - {DISPATCHER})
    begun, over = (f"clock_silent:{DISPATCHER}:{word}" for word in ("opened", "closed"))
    assert told(engine).keys() == {begun}
    back = engine.now
    engine.run(10 * _MINUTE, engine.every_clock)
    found = told(engine)
    assert found.keys() == {begun, over}
    assert found[over] - back <= _MINUTE
    (fields,) = said(caplog, "clock_back")
    assert (fields["clock"], fields["seconds"]) == (DISPATCHER, 71 * 60)


def test_another_silence_is_told_anew(engine: SimulatedEngine) -> None:
    engine.run(6 * _MINUTE, engine.every_clock)
    for _ in range(2):
        engine.run(6 * _MINUTE, engine.every_clock - {DISPATCHER})
        engine.run(17 * _MINUTE, engine.every_clock)
    keys = [one.key for one in engine.app.notifications().page(None, None, 1, 100)[0]]
    assert len(keys) == len(set(keys)) == 4


def test_what_cannot_be_sent_fails_no_tick_and_is_tried_again(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    alerts = engine.app.alerts()
    tell, tries = alerts.open, 0

    def away_at_first(kind: AlertKind, about: str, text: str, *, level: int = 0) -> None:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise Unavailable("table storage", "did not answer")
        tell(kind, about, text, level=level)

    alerts.open = away_at_first  # type: ignore[method-assign]
    engine.run(6 * _MINUTE, engine.every_clock)
    made = engine.strict(60)
    engine.run(8 * _MINUTE, engine.often - {MESSAGE})
    assert told(engine).keys() == {f"clock_silent:{MESSAGE}:opened"}
    failures = said(caplog, "alert_failed")
    assert len(failures) == 3 and "did not answer" in failures[0]["error"]
    assert len(said(caplog, "clock_silent")) == 1
    assert tries == 4
    assert len(engine.ended(made)) == 7


@pytest.mark.parametrize("away", [timedelta(minutes=4), timedelta(hours=2)], ids=str)
@pytest.mark.parametrize("first", [DISPATCHER, MESSAGE, "health_monitor", HTTP])
def test_nobody_is_told_when_all_was_off_and_comes_back(
    engine: SimulatedEngine, first: str, away: timedelta
) -> None:
    engine.run(6 * _MINUTE, engine.every_clock | {HTTP})
    engine.clock.advance(away)
    if first == MESSAGE:
        engine.deliver(engine.pulse())
    else:
        engine.wake(first)
    engine.run(timedelta(seconds=20), set())
    for name in sorted(engine.every_clock - {MESSAGE}):
        engine.fire(name)  # past due, as a host that starts again does
    engine.run(8 * _MINUTE, engine.every_clock | {HTTP})
    assert told(engine) == {}


def test_nobody_is_told_of_a_pinger(engine: SimulatedEngine) -> None:
    """It may well be meant."""
    engine.run(6 * _MINUTE, engine.every_clock | {HTTP})
    engine.run(20 * _MINUTE, engine.every_clock)
    engine.run(2 * _MINUTE, engine.every_clock | {HTTP})
    assert told(engine) == {}


def test_a_clock_that_comes_and_goes_is_told_four_times(engine: SimulatedEngine) -> None:
    """It was silent, it ticks, it is silent again, it ticks for good."""
    engine.run(6 * _MINUTE, engine.every_clock)
    for _ in range(8):
        engine.run(6 * _MINUTE, engine.every_clock - {DISPATCHER})
        engine.run(2 * _MINUTE, engine.every_clock)
    engine.run(25 * _MINUTE, engine.every_clock)
    keys = [one.key for one in engine.app.notifications().page(None, None, 1, 100)[0]]
    words = [key.split(":")[2] for key in keys if key.startswith(f"clock_silent:{DISPATCHER}:")]
    assert sorted(words) == ["again", "closed", "closed", "opened"]


def test_the_alert_of_a_clock_that_the_app_has_no_more_is_closed(engine: SimulatedEngine) -> None:
    engine.run(6 * _MINUTE, engine.every_clock)
    engine.run(10 * _MINUTE, engine.every_clock - {"backup_monitor"})
    assert told(engine).keys() == {"clock_silent:backup_monitor:opened"}
    left = {name: wakes for name, wakes in engine.functions.timers.items() if name in engine.often}
    del left["backup_monitor"]
    engine.app.clocks.prepare(left, engine.now)
    engine.run(2 * _MINUTE, {DISPATCHER, MESSAGE})
    assert "clock_silent:backup_monitor:closed" in told(engine)
