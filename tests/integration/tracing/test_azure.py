"""Spans go to Application Insights by Microsoft's exporter; if that fails, nothing is delayed."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.ports import HOST
from shared import tracing
from shared.errors import Unavailable
from shared.log import Event
from shared.process import started
from shared.settings import TracingSettings, from_env
from shared.tasks import Registry
from shared.tracing import azure
from shared.tracing.setup import PATIENCE, turn_on
from tests.integration.engine.conftest import Engine
from tests.spans import exported
from tests.unit.storage.server import Server, says
from tests.unit.storage.test_lean import certificate
from tests.vendors.insights import KEY, Insights, insights

__all__ = ["certificate"]

STORAGE = {"AzureWebJobsStorage": "AccountName=x;AccountKey=YQ=="}


@pytest.fixture
def endpoint() -> Iterator[Insights]:
    with insights() as found:
        yield found


def settings(endpoint: Insights, **more: str) -> TracingSettings:
    return from_env({**STORAGE, **endpoint.environ, **more}).tracing


@contextmanager
def on(wanted: TracingSettings, patience: float = 20) -> Iterator[Callable[[], None]]:
    """Tracing is on in the block, which may end it itself."""
    finish = turn_on(wanted, patience)
    try:
        yield finish
    finally:
        finish()


def dropped(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of spans that were dropped."""
    found = [one for one in caplog.records if vars(one).get("event") == Event.SPANS_DROPPED]
    return [str(vars(one)["fields"]["error"]) for one in found]


def test_all_spans_of_a_trace_are_one_operation(endpoint: Insights) -> None:
    with on(settings(endpoint, WEBSITE_SITE_NAME="func-belfry")):
        with tracing.span("tick", tracing.Kind.SERVER, clock="test") as tick:
            with tracing.span("works", tracing.Kind.CONSUMER, job_id="j") as work:
                work.fail("OSError", "no disk")
            with tracing.call("POST", "https://api.telegram.org/bot1:hush/send") as call:
                call.answered(429)
        kept = tracing.trace_id(tick.traceparent)
    assert endpoint.paths == {"/v2.1/track"} and len(endpoint.raw) == 1
    assert endpoint.operations() == {kept}
    works, begun = endpoint.items("Request")
    (called,) = endpoint.items("RemoteDependency")
    assert (begun["name"], begun["success"], begun["properties"]) == (
        "tick",
        True,
        {"clock": "test"},
    )
    assert (works["name"], works["success"]) == ("works", False)
    assert works["properties"] == {"job_id": "j", "error": "OSError: no disk"}
    assert (called["target"], called["resultCode"], called["success"], called["type"]) == (
        "api.telegram.org",
        "429",
        False,
        "HTTP",
    )
    assert {one["tags"]["ai.cloud.role"] for one in endpoint.got} == {"func-belfry"}
    assert {one["iKey"] for one in endpoint.got} == {KEY}
    assert "hush" not in "".join(endpoint.raw)


def test_of_a_part_it_says_of_how_many_it_is_one(endpoint: Insights) -> None:
    with on(settings(endpoint, TRACING_RATIO="0.5")):
        for _ in range(64):
            with tracing.span("tick"):
                pass
    assert 10 < len(endpoint.got) < 54
    assert {one["sampleRate"] for one in endpoint.got} == {50.0}


def test_a_server_that_refuses_is_told_once_until_it_accepts(
    endpoint: Insights, caplog: pytest.LogCaptureFixture
) -> None:
    with exported(azure.AppInsights(settings(endpoint))):
        for status in (403, 403, 200, 500):
            endpoint.status = status
            with tracing.span("tick"):
                pass
    problems = dropped(caplog)
    assert len(problems) == 2, problems
    vendor = [one for one in caplog.records if one.name.startswith("azure.monitor")]
    assert [one.levelname for one in vendor] == ["ERROR"]
    assert "Monitoring Metrics Publisher" in vendor[0].getMessage()


def test_where_nobody_listens_spans_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    nowhere = Insights(url=f"http://{HOST}:{port}")
    with on(settings(nowhere)), tracing.span("tick"):
        pass
    assert len(dropped(caplog)) == 1


def test_a_server_that_hangs_delays_neither_jobs_nor_the_end(
    engine: Engine, endpoint: Insights
) -> None:
    endpoint.gate.clear()
    with on(settings(endpoint), patience=0.2) as finish:
        for _ in range(600):  # more than a batch, so that the exporter is under way
            with tracing.span("filler"):
                pass
        assert endpoint.entered.wait(20)
        schedule = engine.add(enabled=False)
        engine.app.manager.run_now(schedule.id, force=True)
        assert [job.status for job in engine.work()] == ["succeeded"]
        for _ in range(10_000):  # more than wait their turn
            with tracing.span("filler"):
                pass
        began = time.monotonic()
        finish()
        assert time.monotonic() - began < 10
        endpoint.gate.set()


_BEGINNING = """
import sys
import threading
from shared import tracing
from shared.clock import SystemClock
from shared.process import drain_at_exit
from shared.settings import process
from shared.tracing.setup import PATIENCE, turn_on
wanted = process.load(lambda _: (), {}, ()).tracing

def spans(name, count):
    for _ in range(count):
        with tracing.span(name, tracing.Kind.SERVER):
            pass

"""
_COMMAND = _BEGINNING + "drain_at_exit(SystemClock(), then=turn_on(wanted, short=True))"
_APP = (
    f"{_BEGINNING}\ndrain_at_exit(SystemClock(), then=turn_on(wanted))"
    "\nspans('first', 512); sys.stdin.readline()"
)
_LAST = "\nspans('last', 1)"


def process(code: str, endpoint: Insights) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    environ = os.environ | STORAGE | endpoint.environ
    command = [sys.executable, "-c", code]
    return subprocess.Popen(command, env=environ, text=True, stdin=pipe, stderr=pipe)


@pytest.mark.parametrize("code", [_COMMAND, _APP], ids=["a command", "the app"])
def test_a_process_sends_its_last_spans_at_its_end(endpoint: Insights, code: str) -> None:
    with process(code + _LAST, endpoint) as run:
        if code == _APP:
            assert endpoint.entered.wait(20)
        assert run.communicate("go on\n", timeout=20)[1] == ""
    assert (run.returncode, endpoint.items("Request")[-1]["name"]) == (0, "last")
    assert len(endpoint.raw) == 1 + (code == _APP), "nothing else is reported"


def test_a_process_ends_in_time_if_nobody_takes_its_last_spans(endpoint: Insights) -> None:
    endpoint.gate.clear()
    with process(_COMMAND + _LAST, endpoint) as run:
        assert endpoint.entered.wait(20)
        began = time.monotonic()
        assert run.communicate(timeout=20)[1] == ""
    assert time.monotonic() - began < 3 * PATIENCE
    assert run.returncode == 0


def test_the_platforms_token_goes_with_the_spans(
    monkeypatch: pytest.MonkeyPatch, certificate: Path
) -> None:
    """App Service's endpoint for identities gives the token, by the documented request.
    https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
    """
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    token = b'{"access_token": "t0ken", "expires_on": "4102444800", "token_type": "Bearer"}'
    taken = b'{"itemsReceived": 1, "itemsAccepted": 1, "errors": []}'
    with Server(says(200, token)) as platform, Server(says(200, taken), tls=tls) as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{platform.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "proof")
        at = Insights(url=server.url)
        sign_in = {"APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "Authorization=AAD"}
        wanted = settings(at, **sign_in, AZURE_CLIENT_ID="traced")
        with exported(azure.AppInsights(wanted)), tracing.span("tick"):
            pass
    (asked,), (sent,) = platform.asked, server.asked
    assert "client_id=traced" in asked.start[1] and "monitor.azure.com" in asked.start[1]
    assert sent.headers["authorization"] == "Bearer t0ken"


def test_a_start_that_fails_leaves_nothing_on(
    endpoint: Insights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While storage is away, each invocation tries to start the app anew."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        nowhere = (
            f"AccountName=x;AccountKey=YQ==;TableEndpoint=http://{HOST}:{free.getsockname()[1]}"
        )
    for name, value in {**endpoint.environ, "AzureWebJobsStorage": nowhere}.items():
        monkeypatch.setenv(name, value)
    before = set(threading.enumerate())
    with pytest.raises(Unavailable, match="table storage"):
        started(Registry([]))
    assert set(threading.enumerate()) <= before and not tracing.is_on()
