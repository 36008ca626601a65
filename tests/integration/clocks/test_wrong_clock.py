"""The machine's clock is wrong, or jumps: the app goes by the storage's time, and says so.

Time here is real: Azurite dates its answers by it. As the real service does, and Azurite does not,
what asks for anything refuses what is dated more than 15 minutes off.
"""

from __future__ import annotations

import io
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import pytest
from azure.functions.timer import TimerRequest
from urllib3 import HTTPConnectionPool, HTTPResponse

from local.azurite import Azurite
from shared import settings
from shared.app import App, build
from shared.clock import SystemClock
from shared.recurrence import Frequency, Recurrence
from shared.schedules.model import Definition, Policy
from shared.storage import connect
from shared.storage.cancellation import cancellable
from shared.storage.checked import CheckedClock
from shared.storage.names import Names
from shared.tasks import Registry
from tests.integration.clocks.conftest import SimulatedEngine, said, works

_HOUR = timedelta(hours=1)
_MOST = timedelta(minutes=15)
_prefixes = itertools.count()


class Wall(SystemClock):
    """The machine's clock, which a test sets."""

    def __init__(self, off: timedelta = timedelta()) -> None:
        self.off = off

    def now(self) -> datetime:
        return super().now() + self.off


@dataclass
class Strict:
    """What stands before Azurite, and refuses what is misdated."""

    refusals: int = 0


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Strict:
    """Below both transports, requests' and ours."""
    made, real = Strict(), HTTPConnectionPool.urlopen

    def urlopen(self: HTTPConnectionPool, method: str, url: str, **more: Any) -> Any:
        now = datetime.now(UTC)
        if abs(parsedate_to_datetime(more["headers"]["x-ms-date"]) - now) <= _MOST:
            return real(self, method, url, **more)
        made.refusals += 1
        return HTTPResponse(
            body=io.BytesIO(b""),
            status=403,
            headers={"Date": format_datetime(now, True), "Content-Length": "0"},
            preload_content=more.get("preload_content", True),
        )

    monkeypatch.setattr(HTTPConnectionPool, "urlopen", urlopen)
    return made


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    """What the SDKs see of the machine's clock as well."""
    import azure.data.tables._policies as tables
    import azure.storage.blob._shared.policies as blobs
    import azure.storage.queue._shared.policies as queues

    made = Wall()

    class Time:
        @staticmethod
        def time() -> float:
            return made.now().timestamp()

    monkeypatch.setattr(tables, "time", Time)
    for module in (queues, blobs):
        monkeypatch.setattr(module, "time", Time.time)
    return made


def start(azurite: Azurite, wall: Wall) -> App:
    configured = settings.from_env(
        {
            "AzureWebJobsStorage": azurite.connection_string,
            "BELFRY_PREFIX": f"wrong{next(_prefixes)}",
            "SCHEDULE_SHARDS": "2",
        }
    )
    app = build(configured, CheckedClock(wall), tasks=Registry([works()]))
    app.prepare()
    return app


def told(app: App) -> list[str]:
    return [entry.key for entry in app.notifications().page(None, None, 1, 100)[0]]


def every_minute(app: App) -> str:
    when = Recurrence(
        frequency=Frequency.INTERVAL,
        interval_seconds=60,
        start_time=datetime(2026, 1, 1, tzinfo=UTC),
    )
    definition = Definition(name="test", task_type="works", recurrence=when)
    return app.manager.create(definition, Policy()).id


def off_by(app: App) -> float:
    return abs((app.clock.now() - datetime.now(UTC)).total_seconds())


@pytest.mark.parametrize("off", [_HOUR, -_HOUR], ids=str)
def test_an_app_that_starts_by_a_wrong_clock_works_and_says_so(
    azurite: Azurite,
    strict: Strict,
    wall: Wall,
    off: timedelta,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "belfry")
    wall.off = off
    app = start(azurite, wall)
    assert strict.refusals == 1  # from which it knew the time
    made = every_minute(app)
    app.clocks.tick("schedule_dispatcher")
    assert off_by(app) < 3
    found = app.table.get(made)
    assert found is not None and found.progress.next_run_at is not None
    assert abs(found.progress.next_run_at - datetime.now(UTC)) < timedelta(minutes=4)
    (wrong,) = said(caplog, "clock_wrong")
    assert abs(wrong["seconds"] - off.total_seconds()) <= 2
    (key,) = told(app)
    assert key.startswith("clock_wrong:opened:")
    app.clocks.tick("schedule_dispatcher")
    assert len(told(app)) == 1
    assert strict.refusals == 1


def test_a_jump_while_it_runs_is_not_followed(
    azurite: Azurite, strict: Strict, wall: Wall, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "belfry")
    app = start(azurite, wall)
    made = every_minute(app)
    for off in (timedelta(), _HOUR, timedelta()):
        wall.off = off
        app.clocks.tick("schedule_dispatcher")
        assert abs(app.meta.clocks()["schedule_dispatcher"] - datetime.now(UTC)).seconds < 3
        found = app.table.get(made)
        assert found is not None and found.progress.missed_count == 0
        assert {job.due_at - datetime.now(UTC) < _MOST for job in found.progress.live} == {True}
    words = [getattr(record, "event", "") for record in caplog.records]
    words = [word for word in words if word.startswith("clock_")]
    assert words == ["clock_wrong", "clock_right"]
    assert strict.refusals == 0


def test_a_timer_that_fires_is_not_taken_for_a_person(
    engine: SimulatedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    """The host says by its machine's clock when it fires, whatever the time is."""
    now = datetime.now(UTC) + timedelta(seconds=1)
    firing = TimerRequest(schedule_status={"Next": now.isoformat()})
    engine.functions.by_name["health_monitor"](firing)
    assert [fields["clock"] for fields in said(caplog, "tick_done")] == ["health_monitor"]


_OURS = ["table", "tables", "new table", "queue", "new queue"]


@pytest.mark.parametrize("kind", [*_OURS, "blob", "cancellable blob"])
def test_each_kind_of_call_is_dated_by_the_storage_and_once_refused_is_made_again(
    azurite: Azurite, strict: Strict, wall: Wall, kind: str
) -> None:
    app = start(azurite, wall)
    names = Names(app.settings.prefix)
    container = app.connection.to(app.settings.storage).container(f"{names.table}")
    container.create_container()
    calls: dict[str, Callable[[], object]] = {
        "table": lambda: app.table.get("works"),
        "tables": lambda: app.connection.table_names(names.table),
        "new table": lambda: app.connection.create_table(names.table),
        "queue": lambda: app.connection.queue(names.queue).peek(),
        "new queue": lambda: app.connection.create_queue(names.queue),
        "blob": lambda: container.get_container_properties(),
        "cancellable blob": lambda: cancellable(container, lambda: None).get_container_properties(),
    }
    wall.off = _HOUR
    calls[kind]()
    assert strict.refusals == 0  # by a clock that nobody sets it knows the time


@pytest.mark.parametrize("kind", _OURS)
def test_what_is_refused_for_its_date_is_asked_once_more(
    azurite: Azurite, strict: Strict, wall: Wall, kind: str
) -> None:
    """By a process that has not heard the storage's time yet."""
    names = Names(start(azurite, wall).settings.prefix)
    account = settings.from_env({"AzureWebJobsStorage": azurite.connection_string}).storage
    wall.off = _HOUR
    connection = connect.Connection(account, clock=CheckedClock(wall))
    calls: dict[str, Callable[[], object]] = {
        "table": lambda: connection.table(names.table).get("meta", "shards"),
        "tables": lambda: connection.table_names(names.table),
        "new table": lambda: connection.create_table(names.table),
        "queue": lambda: connection.queue(names.queue).peek(),
        "new queue": lambda: connection.create_queue(names.queue),
    }
    calls[kind]()
    assert strict.refusals == 1
