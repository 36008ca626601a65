"""Belfry tells an outside service each minute whether it is well."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import Unavailable
from shared.heartbeats.signal import Kind, Signal
from shared.outgoing import Answer
from shared.outgoing.client import Client
from shared.recurrence import Frequency, Recurrence
from shared.schedules.model import Definition, Policy, Progress
from shared.settings import Secret
from tests.integration.engine.conftest import Engine, store
from tests.integration.heartbeats.conftest import Checks


def reconciler(engine: Engine, progress: Progress) -> None:
    """The schedule of the task that reconciles the ledger, as its runs left it."""
    hourly = Recurrence(frequency=Frequency.CRON, cron_expression="17 * * * *")
    what = Definition(name="r", task_type="works", recurrence=hourly)
    if engine.app.table.get("schedule_reconciler") is None:
        engine.app.manager.create(what, Policy(), schedule_id="schedule_reconciler")
    store(
        engine.app,
        "schedule_reconciler",
        lambda one: replace(
            one,
            progress=replace(
                one.progress,
                failures_in_row=progress.failures_in_row,
                last_error=progress.last_error,
                last_run_at=progress.last_run_at,
            ),
        ),
    )


def test_each_minute_while_all_is_well_and_once_whoever_ticks(
    engine: Engine, checks: Checks
) -> None:
    engine.app.clocks.tick("http")
    engine.app.clocks.tick("http")
    assert checks.paths() == ["/belfry"], "once in a minute"
    engine.later(60)
    engine.app.clocks.tick("http")
    assert checks.paths() == ["/belfry"] * 2 and checks.told[0].text == ""


def test_a_silent_clock_is_told(engine: Engine, checks: Checks) -> None:
    for _ in range(12):
        engine.app.clocks.tick("clock_message")
        engine.later(60)
    assert checks.paths()[-1] == "/belfry/fail"
    assert "schedule_dispatcher is silent" in checks.told[-1].text


def test_a_ledger_that_is_not_right_is_told(engine: Engine, checks: Checks) -> None:
    now = engine.clock.now()
    wrong = Progress(failures_in_row=1, last_error="1 occurrence is unexplained", last_run_at=now)
    reconciler(engine, wrong)
    engine.app.clocks.tick("http")
    assert (checks.told[-1].path, checks.told[-1].text) == (
        "/belfry/fail",
        "schedule_reconciler failed: 1 occurrence is unexplained",
    )
    reconciler(engine, Progress(last_run_at=now))
    engine.later(60)
    engine.app.clocks.tick("http")
    assert checks.told[-1].path == "/belfry"
    reconciler(engine, Progress(last_run_at=now - timedelta(hours=4)))
    engine.later(60)
    engine.app.clocks.tick("http")
    assert "has not run since" in checks.told[-1].text


def test_a_tick_that_fails_is_told(
    engine: Engine, checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise Unavailable("table storage", "did not answer")

    monkeypatch.setattr(engine.app.dispatcher, "tick", away)
    with pytest.raises(Unavailable):
        engine.app.clocks.tick("http")
    assert (checks.told[-1].path, checks.told[-1].text) == (
        "/belfry/fail",
        "a tick failed: Unavailable",
    )


def test_a_service_that_is_away_does_not_fail_the_tick(engine: Engine, checks: Checks) -> None:
    checks.status = 404
    assert engine.app.clocks.tick("http").broken == 0


def test_services_of_schedules_that_hang_do_not_hold_it_up(
    engine: Engine, checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold, request = threading.Event(), Client.request

    def hanging(self: Client, method: str, url: str, **more: Any) -> Answer:
        if "/belfry" not in url:
            hold.wait(20)
        return request(self, method, url, **more)

    monkeypatch.setattr(Client, "request", hanging)
    sender = engine.app.worker._pool.outcomes.heartbeats
    for number in range(12):  # in every lane
        url = Secret(f"{checks.url}/check-{number}")
        sender.send(Signal(url=url, kind=Kind.SUCCESS, schedule_id="n"))
    engine.app.clocks.tick("http")
    assert checks.paths() == ["/belfry"]
    hold.set()
    assert sender.flush(timedelta(seconds=20))
