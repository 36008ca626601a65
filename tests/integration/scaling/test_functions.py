"""Every HTTP function is counted, by processes of their own as well."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import azure.functions as func
import pytest

from functions import _process
from local.azurite import Azurite
from tests.found import found
from tests.integration.clocks.conftest import context_of
from tests.integration.scaling.conftest import MINUTE, START, Office

REQUESTS = {
    "api": ("GET", "/api/v1/tasks"),
    "approve": ("GET", "/approve/nothing"),
    "events": ("GET", "/events/run/name/token"),
    "calendar_feed": ("GET", "/api/v1/calendar.ics"),
    "health_summary": ("GET", "/api/health/summary"),
    "hooks": ("POST", "/hooks/nobody"),
    "metrics": ("GET", "/metrics"),
    "site": ("GET", "/status"),
    "tick": ("POST", "/tick"),
}


@pytest.fixture
def hosted(office: Office, azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """The functions' own app."""
    monkeypatch.setenv("AzureWebJobsStorage", azurite.connection_string)
    monkeypatch.setattr(_process, "app", lambda: office.app)
    monkeypatch.setattr(_process, "built", lambda: office.app)
    bridges = (_process.api, _process.site, _process.feed, _process.hooks, _process.health_summary)
    for bridge in bridges:
        bridge.cache_clear()
    yield office
    for bridge in bridges:
        bridge.cache_clear()


def ask(name: str, method: str, path: str) -> int:
    """The status of a function's answer."""
    (user,) = [one.get_user_function() for one in found() if one.get_function_name() == name]
    request = func.HttpRequest(method, f"http://localhost{path}", body=b"")
    said = context_of()
    made: Any = user(request, said) if name == "tick" else asyncio.run(user(request, None))
    return int(made.status_code)


def counted(office: Office) -> int:
    office.clock.advance(2 * MINUTE)
    office.app.traffic.write()
    return sum(one.requests for one in office.app.traffic.minutes(office.clock.now()))


@pytest.mark.usefixtures("hosted")
def test_every_http_function_is_among_them() -> None:
    http = [str(one.get_function_name()) for one in found() if one.is_http_function()]
    assert sorted(http) == sorted(REQUESTS)


@pytest.mark.parametrize(("name", "asked"), REQUESTS.items(), ids=REQUESTS)
def test_what_it_answers_is_counted(hosted: Office, name: str, asked: tuple[str, str]) -> None:
    assert ask(name, *asked) < 500
    assert counted(hosted) == 1


def test_to_look_at_the_scaling_does_not_move_it(hosted: Office) -> None:
    assert ask("api", "GET", "/api/v1/scaling") == 200
    assert counted(hosted) == 0


def test_what_the_invocation_does_afterwards_writes_the_minute_before(hosted: Office) -> None:
    ask("api", "GET", "/api/v1/tasks")
    hosted.clock.advance(2 * MINUTE)
    ask("api", "GET", "/api/v1/tasks")
    assert [one.requests for one in hosted.process.minutes(hosted.clock.now())] == [0, 0, 0, 0, 1]


_PROCESS = """
import sys
from datetime import datetime, timedelta
from shared.clock import ManualClock
from shared.scaling.traffic import Traffic
from shared.settings import from_env
from shared.storage.connect import Connection

text, table, at = sys.argv[1:]
clock = ManualClock(datetime.fromisoformat(at))
account = from_env({"AzureWebJobsStorage": text}).storage
traffic = Traffic(Connection(account).table(table), clock)
for rate in (10, 20):
    for _ in range(rate):
        traffic.count(0.2)
    clock.advance(timedelta(minutes=1))
    traffic.write()
traffic.count(0.2)
"""


def test_two_processes_write_rows_of_their_own(office: Office) -> None:
    """And each loses its last minute, since it ends in it."""
    text = office.app.settings.storage.connection_string.reveal()
    given = [text, f"{office.app.settings.prefix}schedules", START.isoformat()]
    running = [subprocess.Popen([sys.executable, "-c", _PROCESS, *given]) for _ in range(2)]
    assert [one.wait(30) for one in running] == [0, 0]
    office.clock.advance(4 * MINUTE)
    found = office.process.minutes(office.clock.now())
    assert [one.requests for one in found] == [0, 0, 20, 40, 0]
