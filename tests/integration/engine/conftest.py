"""An app on real Azurite with a clock that tests move, and tasks that tests define."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import AzureError

from local.azurite import Azurite
from shared import settings
from shared.app import App, build
from shared.backups.engines import schemes
from shared.clock import ManualClock
from shared.engine.work.lease import Lease
from shared.errors import Refused
from shared.notifications import channels
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job
from shared.schedules.model import Definition, Policy, Schedule
from shared.storage import cancellation
from shared.storage.names import Names
from shared.storage.queues.jobs import Message, Sent, parse
from shared.storage.queues.queue import _HEADERS as HEADERS
from shared.storage.tables.changes import Change
from shared.tasks import JobContext, Params, Registry, Result, Task, task

SECRETS_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
_prefixes = itertools.count()
_made: dict[str, App] = {}


@dataclass
class Calls:
    """What the tasks did."""

    started: list[str] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)


def registry(calls: Calls) -> Registry:
    """Tasks that succeed, fail, fail for good, and wait to be told to end."""

    @task("works", timeout_seconds=60)
    def works(job: JobContext, params: Params) -> Result:
        """Succeeds."""
        calls.started.append(job.job_id)
        job.log("worked", attempt=job.attempt)
        return {"attempt": job.attempt}

    @task("fails", timeout_seconds=60)
    def fails(job: JobContext, params: Params) -> Result:
        """Fails."""
        calls.started.append(job.job_id)
        raise OSError("the disk is on fire, postgresql://u:secret@h/d")

    @task("refused", timeout_seconds=60)
    def refused(job: JobContext, params: Params) -> Result:
        """Fails for good."""
        calls.started.append(job.job_id)
        raise Refused("postgres", "wrong password")

    @task("waits", timeout_seconds=60)
    def waits(job: JobContext, params: Params) -> Result:
        """Waits until the test lets it go."""
        calls.started.append(job.job_id)
        calls.entered.set()
        calls.hold.wait(30)
        return {}

    return Registry([works, fails, refused, waits])


_MOMENT = timedelta(seconds=0.1)


class WakingClock(ManualClock):
    """A wait ends when the test has moved the clock that far, so that workers beat by it. One of a
    moment is for what other threads do, and ends by itself."""

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        if longest <= _MOMENT:
            return super().wait(event, longest)
        end = self.now() + longest
        while self.now() < end:
            if event.wait(0.005):
                return True
        return event.is_set()


class Working(threading.Thread):
    """A worker at work on a message, in a thread of its own."""

    def __init__(self, engine: Engine, message: Message) -> None:
        super().__init__(daemon=True)
        self._bench = engine
        self._message = message
        self._ended: list[Job] = []
        self.start()

    def run(self) -> None:
        self._ended = self._bench.app.worker.work(self._message)

    def ended(self) -> list[Job]:
        """Wait until it is over; the jobs that ended."""
        self.join(20)
        assert not self.is_alive(), "still at work"
        return self._ended


class Engine:
    """The app, its clock and its queue, as a test drives them."""

    def __init__(self, app: App, clock: ManualClock, calls: Calls) -> None:
        self.app = app
        self.clock = clock
        self.calls = calls

    def add(self, task_type: str = "works", **changes: Any) -> Schedule:
        """Create a schedule: every 60 s unless told otherwise. `schedule_id`: by default one that
        differs each time."""
        policy = {k: changes.pop(k) for k in list(changes) if k in Policy.__dataclass_fields__}
        when = changes.pop("recurrence", None) or Recurrence(
            frequency=Frequency.INTERVAL, interval_seconds=60, start_time=START
        )
        name = changes.pop("schedule_id", None)
        definition = Definition(name="test", task_type=task_type, recurrence=when, **changes)
        return self.app.manager.create(definition, Policy(**policy), schedule_id=name)

    def later(self, seconds: float) -> datetime:
        return self.clock.advance(timedelta(seconds=seconds))

    def tick(self) -> Any:
        return self.app.dispatcher.tick(self.clock.now(), "test")

    def work(self) -> list[Job]:
        """Ask the worker once for each message sent since the last call; the jobs that ended."""
        return [job for message in self.messages() for job in self.app.worker.work(message)]

    def start(self, message: Message | None = None) -> Working:
        """Have a worker do what one message asks for, by default the last one sent."""
        return Working(self, message or self.messages()[-1])

    def messages(self) -> list[Message]:
        """What was sent since the last call, whenever it is to be seen: Azurite hides delayed
        messages by its own clock, which a test's does not move."""
        return [parse(text) for text in SENT.pop(self.app.settings.prefix, [])]


SENT: dict[str, list[str]] = {}
"""Messages sent, by prefix: Azurite hides delayed ones, and a test's clock does not move it."""


@pytest.fixture
def engine(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    made = make(azurite)
    tap(made)
    yield made
    made.calls.hold.set()


def make(
    azurite: Azurite,
    prefix: str | None = None,
    transport: Any = None,
    lease: Lease | None = None,
    *,
    tasks: Sequence[Task] = (),
    clock: ManualClock | None = None,
    environ: Mapping[str, str] | None = None,
    prepared: bool = False,
) -> Engine:
    """An app of its own, with more tasks and settings; with `prefix`, one more on the same tables,
    which may be `prepared`; with `clock`, by the same time."""
    calls = Calls()
    clock = clock or ManualClock(START + timedelta(seconds=1))
    configured = settings.from_env(
        {
            "AzureWebJobsStorage": azurite.connection_string,
            "BELFRY_PREFIX": prefix or f"t{next(_prefixes)}",
            "SCHEDULE_SHARDS": "2",
            "SECRETS_KEY": SECRETS_KEY,
            **(environ or {}),
        },
        channels=channels.declared(),
        schemes=schemes(),
    )
    known = Registry([*registry(calls), *tasks])
    app = build(configured, clock, tasks=known, transport=transport, lease=lease)
    if not prepared:
        app.prepare()
        clear_later(app)
    return Engine(app, clock, calls)


def clear_later(app: App) -> None:
    """Remove the app's messages after this test."""
    _made.setdefault(app.settings.prefix, app)


def clear_queues() -> None:
    """Remove the messages of the apps that were made since the last call."""
    while _made:
        prefix, app = _made.popitem()
        names = Names(prefix)
        for queue in map(app.connection.queue, (names.queue, names.long_queue, names.clock)):
            with contextlib.suppress(AzureError):  # its Azurite may have ended
                queue._rest.run("DELETE", f"{queue._queue}/messages", HEADERS, **cancellation.HASTE)


def store(app: App, schedule_id: str, step: Callable[[Schedule], Schedule]) -> None:
    """Change a schedule's row as nothing that is checked would: as an older version may have."""
    before = app.table.get(schedule_id)
    assert before is not None
    after = replace(step(before), revision=before.revision + 1)
    assert app.table.commit([Change(before, after)]) == [True]


def tap(engine: Engine) -> None:
    """Note what is sent, beside sending it."""
    real: Callable[..., Sent] = engine.app.queue.send

    def send(message: Message, *rest: Any) -> Sent:
        sent = real(message, *rest)
        SENT.setdefault(engine.app.settings.prefix, []).append(message.text())
        return sent

    engine.app.queue.send = send  # type: ignore[method-assign, assignment]
