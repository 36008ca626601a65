"""Any invocation ticks if no clock did for a while, and costs nothing while one does."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest

from functions import _process
from local.azurite import Azurite
from shared.app import App, build
from shared.engine.dispatch.names import DISPATCHER, MESSAGE, WORK
from shared.errors import Unavailable
from tests.integration.clocks.conftest import SimulatedEngine, said, tap

_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def looks(engine: SimulatedEngine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each request by which the app asked who ticked."""
    asked: list[str] = []
    real = engine.app.meta.about_clocks

    def about_clocks() -> Any:
        asked.append(engine.now.isoformat())
        return real()

    monkeypatch.setattr(engine.app.meta, "about_clocks", about_clocks)
    return asked


def worked(engine: SimulatedEngine) -> None:
    """A worker's invocation, of a message that names nothing."""
    text = '{"jobs": [], "sent_at": "2026-03-01T12:00:00+00:00", "returns": 0}'
    engine.call("job_worker", text)


@pytest.fixture
def elsewhere(engine: SimulatedEngine, azurite: Azurite) -> App:
    """Another instance on the same storage."""
    app = build(engine.app.settings, engine.clock, tasks=engine.app.registry)
    tap(engine, app)
    return app


def test_where_a_clock_ticks_in_the_same_process_it_asks_nothing(
    engine: SimulatedEngine, looks: list[str]
) -> None:
    for _ in range(10):
        engine.fire(DISPATCHER)
        looks.clear()
        for _ in range(59):
            worked(engine)
            engine.clock.advance(_SECOND)
        assert looks == []
        engine.clock.advance(_SECOND)


def test_where_clocks_tick_elsewhere_it_asks_at_most_each_half_minute(
    engine: SimulatedEngine, looks: list[str], elsewhere: App, caplog: pytest.LogCaptureFixture
) -> None:
    for second in range(600):
        if second % 60 == 0:
            elsewhere.clocks.tick(DISPATCHER)
        worked(engine)
        engine.clock.advance(_SECOND)
    assert 1 <= len(looks) <= 600 / 30
    assert {fields["clock"] for fields in said(caplog, "tick_done")} == {DISPATCHER}


def test_when_no_clock_has_ticked_for_75_seconds_it_does(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.run(3 * _MINUTE, {DISPATCHER})
    made = engine.strict(60)
    engine.clock.advance(14 * _SECOND)  # 74 s since the last tick
    worked(engine)
    assert WORK not in engine.app.meta.clocks()
    engine.clock.advance(_SECOND)
    worked(engine)
    assert engine.app.meta.clocks()[WORK] == engine.now
    live = engine.app.table.get(made.id)
    assert live is not None and len(live.progress.live) > 2
    caplog.clear()
    worked(engine)
    assert said(caplog, "tick_done") == []


def test_a_clock_that_was_set_back_does_not_keep_it_from_looking(
    engine: SimulatedEngine, looks: list[str]
) -> None:
    engine.fire(DISPATCHER)
    engine.clock.advance(timedelta(hours=-1))
    looks.clear()
    worked(engine)
    assert len(looks) >= 1


@pytest.mark.parametrize("ticks", ["dispatcher", "work"])
def test_the_time_of_a_tick_is_asked_for_after_the_storage_has_answered(
    engine: SimulatedEngine, monkeypatch: pytest.MonkeyPatch, ticks: str
) -> None:
    """Its answer is what tells that the clock is wrong."""
    engine.run(3 * _MINUTE, {DISPATCHER})
    engine.clock.advance(timedelta(hours=1))
    real = engine.app.meta.about_clocks

    def about_clocks() -> Any:
        found = real()
        if engine.now.hour > 12:
            engine.clock.advance(timedelta(hours=-1, minutes=5))
        return found

    monkeypatch.setattr(engine.app.meta, "about_clocks", about_clocks)
    if ticks == "work":
        worked(engine)
    else:
        engine.fire(DISPATCHER)
    beats = engine.app.meta.clocks()
    assert (engine.now.hour, max(beats.values())) == (12, engine.now)


@pytest.mark.parametrize("name", ["job_worker", "dead_letters", "shard_worker"])
def test_every_function_that_is_no_clock_does(engine: SimulatedEngine, name: str) -> None:
    engine.run(3 * _MINUTE, {DISPATCHER, MESSAGE})
    engine.clock.advance(5 * _MINUTE)
    engine.call(name, "{}")
    assert engine.app.meta.clocks()[WORK] == engine.now


def test_every_answer_by_http_does(engine: SimulatedEngine) -> None:
    engine.run(3 * _MINUTE, {DISPATCHER, MESSAGE})
    engine.clock.advance(5 * _MINUTE)
    request = func.HttpRequest("GET", "http://localhost/ops/uptime", body=b"")
    answer = asyncio.run(engine.functions.by_name["site"](request, None))
    assert (answer.status_code, b'"late"' in answer.get_body()) == (200, True)
    assert engine.app.meta.clocks()[WORK] == engine.now


def test_what_fails_in_it_does_not_fail_the_work(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.run(3 * _MINUTE, {DISPATCHER})
    engine.clock.advance(5 * _MINUTE)

    def away() -> Any:
        raise Unavailable("table storage", "did not answer")

    monkeypatch.setattr(engine.app.meta, "about_clocks", away)
    caplog.clear()
    worked(engine)
    (told,) = said(caplog, "storage_away")
    assert "did not answer" in told["error"]


def test_an_app_that_does_not_start_fails_no_work_either(
    engine: SimulatedEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from functions._azure import stand_in

    def away() -> App:
        raise Unavailable("table storage", "did not answer")

    monkeypatch.setattr(_process, "app", away)
    stand_in()
    assert len(said(caplog, "storage_away")) == 1
