"""An outside service is told of a schedule's runs; no run waits for it or fails because of it."""

from __future__ import annotations

import logging
import socket
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.engine.commands.backfills import Wish
from shared.errors import Invalid
from shared.schedules.job import Status
from shared.settings import Secret
from tests.integration.engine.conftest import START, Engine
from tests.integration.heartbeats.conftest import Checks


def watched(engine: Engine, checks: Checks, task: str = "works", **changes: Any) -> str:
    url = Secret(f"{checks.url}/0f5e-secret")
    return engine.add(task, enabled=False, heartbeat_url=url, **changes).id


def run(engine: Engine, schedule_id: str) -> Status:
    asked = engine.app.manager.run_now(schedule_id, force=True)
    engine.work()
    return engine.app.manager.job(asked.job_id).status


def test_the_start_and_the_success_of_a_run_belong_together(engine: Engine, checks: Checks) -> None:
    assert run(engine, watched(engine, checks)) is Status.SUCCEEDED
    start, success = checks.told
    assert (start.path, success.path) == ("/0f5e-secret/start", "/0f5e-secret")
    assert start.rid == success.rid and UUID(start.rid)
    assert "worked" in success.text and start.text == ""


def test_a_failure_is_told_with_its_error_and_without_secrets(
    engine: Engine, checks: Checks
) -> None:
    made = watched(engine, checks, "fails", max_attempts=1)
    assert run(engine, made) is Status.FAILED
    fail = checks.told[-1]
    assert fail.path == "/0f5e-secret/fail"
    assert "the disk is on fire" in fail.text and "secret@" not in fail.text


def test_an_attempt_that_will_be_repeated_is_no_failure(engine: Engine, checks: Checks) -> None:
    run(engine, watched(engine, checks, "fails", max_attempts=2))
    assert checks.paths() == ["/0f5e-secret/start"]


def test_a_backfill_tells_nobody(engine: Engine, checks: Checks) -> None:
    made = watched(engine, checks)
    engine.app.backfills.start(made, Wish(first=START, end=START + timedelta(seconds=1)))
    while engine.work():
        pass
    assert engine.calls.started and checks.told == []


@pytest.mark.parametrize("status", [404, 302])
def test_a_refusal_costs_the_run_nothing_and_is_shown(
    engine: Engine, checks: Checks, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    checks.status, checks.location = status, f"{checks.url}/elsewhere"
    made = watched(engine, checks)
    assert run(engine, made) is Status.SUCCEEDED
    assert len(checks.told) == 1, "one try; then its host is left alone for a minute"
    assert run(engine, made) is Status.SUCCEEDED
    assert len(checks.told) == 1
    unsent = engine.app.unsent_heartbeats.last(made)
    assert unsent is not None and str(status) in unsent.error and unsent.signal == "start"
    lines = [one.getMessage() for one in caplog.records if "heartbeat_failed" in one.getMessage()]
    assert len(lines) == 1
    assert "0f5e-secret" not in caplog.text + unsent.error
    checks.status = 200
    engine.later(61)
    run(engine, made)
    assert checks.paths()[1:] == ["/0f5e-secret/start", "/0f5e-secret"]


def test_a_service_that_is_down_is_tried_a_few_times(engine: Engine, checks: Checks) -> None:
    checks.status = 503
    made = watched(engine, checks)
    assert run(engine, made) is Status.SUCCEEDED
    assert len(checks.told) == 1, "a start is tried once"
    assert run(engine, made) is Status.SUCCEEDED


def test_where_it_may_not_go_is_refused_and_not_shown(engine: Engine, checks: Checks) -> None:
    for url, says in (
        ("http://hc-ping.com/abc", "https.*HEARTBEAT_HOSTS"),
        ("https://127.0.0.2/abc", "no public address"),
        ("https://[::1]/abc", "no public address"),
        ("https://169.254.169.254/metadata", "no public address"),
        ("https://u:p@hc-ping.com/abc", "without a user"),
        ("https://hc-ping.com/abc?x=1", "without"),
    ):
        with pytest.raises(Invalid, match=f"heartbeat_url: .*{says}"):
            engine.add("works", heartbeat_url=Secret(url))


def test_a_name_that_leads_inside_is_refused_when_it_is_used(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def resolved(host: str, *what: Any, **more: Any) -> Any:
        return real("127.0.0.1" if host == "inside.example.com" else host, *what, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    url = Secret("https://inside.example.com/abc")
    made = engine.add("works", enabled=False, heartbeat_url=url).id
    assert run(engine, made) is Status.SUCCEEDED
    unsent = engine.app.unsent_heartbeats.last(made)
    assert unsent is not None and "no public address" in unsent.error
