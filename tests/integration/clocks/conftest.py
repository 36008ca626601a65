"""Simulated time on real Azurite: the clocks' own functions, fired when their expressions say."""

from __future__ import annotations

import asyncio
import heapq
import inspect
import itertools
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest
from azure.functions.timer import TimerRequest

from functions import _process
from local.azurite import Azurite
from local.host import cron
from shared import settings
from shared.app import App, build
from shared.clock import ManualClock
from shared.engine.dispatch.names import ALWAYS, DISPATCHER, HTTP, MESSAGE
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job
from shared.schedules.model import Definition, Policy, Schedule
from shared.storage.queues.jobs import AHEAD, Message, Sent
from shared.tasks import JobContext, Params, Registry, Result, Task, task
from tests.found import found
from tests.integration.engine.conftest import clear_later
from tests.invocations import invocation

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_KEPT = (
    *("alert_monitor", "backup_monitor", "health_monitor", "schedule_health"),
    *("schedule_reconciler", "schedule_cleanup", "database_backup"),
)
"""Tasks of each period, and those that tell of clocks: more of them would only run more jobs."""
_prefixes = itertools.count()

User = Callable[..., Any]
"""The function of a trigger, as the worker calls it."""


def context_of(traceparent: str = "") -> Any:
    """What the host says of an invocation."""
    return SimpleNamespace(trace_context=SimpleNamespace(trace_parent=traceparent))


def as_called(user: User) -> User:
    """The function as the worker calls it: with a context, if it takes one and none is given."""
    if "context" not in inspect.signature(user).parameters:
        return user
    return lambda given, context=None: user(given, context or context_of())


class Killed(BaseException):
    """The process was killed here."""


@dataclass(frozen=True)
class Functions:
    """What `function_app` holds."""

    by_name: Mapping[str, User]
    timers: Mapping[str, str]
    """Their NCRONTAB expressions."""
    tasks: Collection[Task]


@pytest.fixture(scope="session")
def functions(azurite: Azurite) -> Functions:
    """The app's functions; of its tasks, those that `_KEPT` names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AzureWebJobsStorage", azurite.connection_string)
        import functions as package

        triggers: dict[str, Any] = {
            str(one.get_function_name()): one.get_trigger() for one in found()
        }
        tasks = {one.name: one for one in package.tasks()}
        timers = {
            name: one.schedule
            for name, one in triggers.items()
            if one.type == "timerTrigger" and (name in _KEPT or name not in tasks)
        }
        users = {
            str(one.get_function_name()): as_called(one.get_user_function()) for one in found()
        }
        return Functions(users, timers, [tasks[name] for name in _KEPT])


@dataclass
class SimulatedEngine:
    """One app, its simulated time, and which of its clocks are alive."""

    app: App
    clock: ManualClock
    functions: Functions
    jobs: list[tuple[datetime, int, str]] = field(default_factory=list)
    long: set[str] = field(default_factory=set)
    """Messages that are in the queue of long jobs."""
    pulses: list[tuple[datetime, int, str]] = field(default_factory=list)
    """Of the chain: (seen from, a number, message)."""
    ticked: list[tuple[datetime, str]] = field(default_factory=list)
    _count: Iterator[int] = field(default_factory=itertools.count)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    @property
    def every_clock(self) -> set[str]:
        return {*self.functions.timers, MESSAGE}

    @property
    def often(self) -> set[str]:
        """The clocks that tick every five minutes or more often."""
        return {MESSAGE, *(name for name, wakes in self.functions.timers.items() if _often(wakes))}

    def add(self, **changes: Any) -> Schedule:
        """A schedule of a task that succeeds: every 60 s unless told otherwise."""
        when = changes.pop("recurrence", None) or Recurrence(
            frequency=Frequency.INTERVAL, interval_seconds=60, start_time=START
        )
        policy = changes.pop("policy", Policy())
        task = changes.pop("task_type", "works")
        definition = Definition(name="test", task_type=task, recurrence=when, **changes)
        return self.app.manager.create(definition, policy)

    def strict(self, seconds: int) -> Schedule:
        """A schedule whose runs may be half a minute late, and not more."""
        often = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=seconds, start_time=START)
        return self.add(recurrence=often, policy=Policy(misfire_grace_seconds=30))

    def ended(self, schedule: Schedule) -> list[Job]:
        return sorted(self.app.table.jobs(schedule.id), key=lambda job: job.due_at)

    def run(self, span: timedelta, clocks: Collection[str], *, works: bool = True) -> None:
        """Let time pass with these clocks alive; jobs have their worker, unless told otherwise."""
        end = self.now + span
        while (event := self._next(clocks, end, works)) is not None:
            at, act = event
            self.clock.set(max(at, self.now))
            act()
        self.clock.set(end)

    def jump(self, by: timedelta) -> None:
        """Set the clock: no time passes, so what waits in the queues waits as long as before."""
        self.clock.advance(by)
        for queue in (self.jobs, self.pulses):
            queue[:] = [(at + by, number, text) for at, number, text in queue]
        self.ticked = [(at + by, name) for at, name in self.ticked]

    def pulse(self) -> str:
        """Take the chain's next message, and let its time come; its text."""
        at, _, text = heapq.heappop(self.pulses)
        self.clock.set(max(at, self.now))
        return text

    def deliver(self, text: str) -> None:
        """Call the message clock's function."""
        self.functions.by_name[MESSAGE](func.QueueMessage(body=text.encode()))

    def ping(self) -> func.HttpResponse:
        """`POST /tick`."""
        request = func.HttpRequest("POST", "http://localhost/tick", body=b"")
        answer: func.HttpResponse = self.functions.by_name["tick"](request)
        return answer

    def fire(self, name: str) -> None:
        """Call a timer's function."""
        self.functions.by_name[name](TimerRequest(past_due=False))

    def work(self) -> None:
        """Call the worker's function with the next job message."""
        _, _, text = heapq.heappop(self.jobs)
        self.call("long_job_worker" if text in self.long else "job_worker", text)

    def call(self, name: str, body: str | bytes, context: Any = None) -> None:
        """Call the function of a queue with a message."""
        function = self.functions.by_name[name]
        body = body.encode() if isinstance(body, str) else body
        asks = "context" in inspect.signature(function).parameters
        rest = (context or invocation(),) if asks else ()
        answer = function(func.QueueMessage(body=body), *rest)
        if inspect.iscoroutine(answer):
            asyncio.run(answer)

    def _next(
        self, clocks: Collection[str], end: datetime, works: bool
    ) -> tuple[datetime, Callable[[], object]] | None:
        """What happens next: (when, what), before `end`."""
        events: list[tuple[datetime, Callable[[], object]]] = []
        if self.jobs and works:
            events.append((self.jobs[0][0], self.work))
        if self.pulses and MESSAGE in clocks:
            events.append((self.pulses[0][0], lambda: self.deliver(self.pulse())))
        for name in sorted({*clocks} - {MESSAGE}):
            expression = ALWAYS[DISPATCHER] if name == HTTP else self.functions.timers[name]
            at = self._after(name, expression)
            if at is not None:
                events.append((at, lambda name=name: self.wake(name)))  # type: ignore[misc]
        at, act = min(events, key=lambda event: event[0], default=(end, self.work))
        return (at, act) if at < end else None

    def _after(self, name: str, expression: str) -> datetime | None:
        last = max((at for at, one in self.ticked if one == name), default=None)
        since = self.now - timedelta(seconds=1) if last != self.now else self.now
        return cron.parse(expression).after(since)

    def wake(self, name: str) -> None:
        """Let a timer fire now, or the pinger ping."""
        self.ticked.append((self.now, name))
        if name == HTTP:
            assert self.ping().status_code == 200
        else:
            self.fire(name)


def _often(expression: str) -> bool:
    first = cron.parse(expression).after(START)
    second = first and cron.parse(expression).after(first)
    return first is not None and second is not None and second - first <= 5 * _MINUTE


def works() -> Task:
    @task("works", timeout_seconds=60)
    def works(job: JobContext, params: Params) -> Result:
        """Succeeds."""
        return {}

    return works


@pytest.fixture
def engine(
    azurite: Azurite,
    functions: Functions,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> SimulatedEngine:
    """An app that has just been started, at noon."""
    caplog.set_level(logging.INFO, "belfry")
    clock = ManualClock(START)
    configured = settings.from_env(
        {
            "AzureWebJobsStorage": azurite.connection_string,
            "BELFRY_PREFIX": f"c{next(_prefixes)}",
            "SCHEDULE_SHARDS": "2",
        }
    )
    # The backup has its timer, but there is nothing here to back up.
    kept = [one for one in functions.tasks if one.name != "database_backup"]
    app = build(configured, clock, tasks=Registry([works(), *kept]))
    made = SimulatedEngine(app, clock, functions)
    tap(made)
    app.prepare()
    clear_later(app)
    monkeypatch.setattr(_process, "app", lambda: app)
    _process.site.cache_clear()  # it has the app of the test before
    return made


def tap(engine: SimulatedEngine, app: App | None = None) -> None:
    """Note what is sent, beside sending it: Azurite hides messages by its own clock."""
    app = app or engine.app
    send_job = app.queue.send
    pulses = app.clocks._queue_clock._queue
    send_pulse = pulses.send

    def job(message: Message, visible_at: datetime, now: datetime | None = None) -> Sent:
        sent = send_job(message, visible_at, now)
        # what is ahead of its time is received when it is due: no worker waits on this clock
        at = visible_at + AHEAD if visible_at > engine.now else engine.now
        heapq.heappush(engine.jobs, (at, next(engine._count), message.text()))
        if message.long:
            engine.long.add(message.text())
        return sent

    def pulse(text: str, after: timedelta) -> None:
        send_pulse(text, after)
        heapq.heappush(engine.pulses, (engine.now + after, next(engine._count), text))

    app.queue.send = job  # type: ignore[method-assign]
    pulses.send = pulse  # type: ignore[method-assign]


def said(caplog: pytest.LogCaptureFixture, word: str) -> list[dict[str, Any]]:
    """The fields of each event of that word."""
    records: list[Any] = caplog.records
    return [record.fields for record in records if getattr(record, "event", None) == word]
