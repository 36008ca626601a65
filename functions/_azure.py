"""Connects Azure's triggers to the engine. The layers below do not know azure.functions.

A task's timer is one of several clocks (`dispatch.clocks`). When it wakes up, it does a whole tick,
and the engine decides what is due. Wake-ups at which nothing is due are harmless. So the timer's
NCRONTAB expression may name more instants than the schedule has, for example both UTC hours of a
local time. Any other invocation ticks when it is done, if no clock has ticked lately (`stand_in`).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import azure.functions as func

from functions import _process
from functions._logs import following
from shared import settings as configuration
from shared import tracing
from shared.access import Caller, Role
from shared.alerts import routes
from shared.backups import engines
from shared.clock import SystemClock
from shared.engine.commands import configured
from shared.engine.dispatch.names import HTTP
from shared.engine.work.threads import Threads
from shared.errors import BelfryError, Misconfigured, Refused, Unavailable
from shared.log import Event, event, instant
from shared.notifications import channels
from shared.redaction import redact
from shared.settings import TriggerSettings
from shared.storage.names import Names
from shared.tasks import Task

if TYPE_CHECKING:
    from shared.api.bridge import Bridge

_BY_HAND = timedelta(seconds=30)
_LOOKS = "/api/v1/scaling"
"""Whoever looks at the scaling does not move it."""

_clock = SystemClock()

_logger = logging.getLogger("belfry.clocks")


def check(tasks: Iterable[Task]) -> None:
    """Check that the settings are what the app needs, before it is indexed. Raises `Misconfigured`.

    If a setting is wrong or missing, the triggers use its default, because tests and the command
    line import the modules of tasks before there are any settings.
    """
    known = list(tasks)
    configuration.load(
        lambda read: (*configured.problems(known, read), *routes.wrong_in(read)),
        channels.declared(),
        engines.schemes(),
    )


def names() -> Names:
    """The names of the table and the queues."""
    return Names(configuration.load_for_triggers().prefix)


def timers(tasks: Iterable[Task]) -> Iterator[func.Blueprint]:
    """The timer functions of the tasks that have a time of their own."""
    return (timer(task) for task in tasks if task.recurrence is not None)


def timer(task: Task) -> func.Blueprint:
    """The timer function of a task, with the task's name.

    If a person invokes it (`POST /admin/functions/{name}`, before its next firing), it runs the
    task now.
    """
    wakes = _wakes(task)
    if wakes is None:
        raise ValueError(f"{task.name} has no time of its own, so it needs no timer")
    blueprint = func.Blueprint()

    @blueprint.function_name(task.name)
    @blueprint.timer_trigger(
        arg_name="timer", schedule=wakes, run_on_startup=False, use_monitor=True
    )
    def run(timer: func.TimerRequest, context: func.Context) -> None:
        with invoked(context):
            belfry = _process.app()
            if by_hand(timer, SystemClock().now()):  # the host uses the machine's clock
                # `/admin/functions/{name}` takes only the host's master key, and does not say who
                by = Caller(name="master key", role=Role.ADMIN)
                with tracing.span(f"run {task.name}", tracing.Kind.SERVER):
                    belfry.manager.run_now(task.name, force=True, by=by)
            else:
                belfry.clocks.tick(task.name)

    return blueprint


def _wakes(task: Task) -> str | None:
    """The task's NCRONTAB expression; None if it has no time of its own."""
    year = SystemClock().now().year
    try:
        found = configured.wakeups([task], configuration.load_for_triggers(), year)
    except Misconfigured:
        found = configured.wakeups([task], TriggerSettings(), year)
    return found.get(task.name)


_threads = Threads("message")
"""A call of the worker waits for the jobs that it began, so it gets a thread of its own. Otherwise
a few messages would use up all of the host's threads."""


async def work_on(message: func.QueueMessage, context: func.Context, *, long: bool) -> None:
    """Do what a message of a job queue asks for. If this raises, the message goes back to the
    queue."""
    text = message.get_body().decode(errors="replace")
    with following(context):
        await asyncio.wrap_future(_threads.call(partial(_work, text, long)))


def _work(text: str, long: bool) -> None:
    from shared.storage.queues.jobs import parse, parse_long

    belfry = _process.app()
    read = belfry.poison.read(text, parse_long if long else parse)
    if read is not None:
        worker = belfry.long_worker if long else belfry.short_worker
        worker.work(read.received(belfry.clock.now()))
    stand_in()


def handle_poison(message: func.QueueMessage, context: func.Context, *, long: bool) -> None:
    """Send a message again that a job queue gave up, or end its jobs as failed."""
    with following(context):
        _process.app().poison.handle(message.get_body().decode(errors="replace"), long=long)
        stand_in()


def clock(name: str, context: func.Context) -> None:
    """Do one whole tick, for the clock of that name."""
    with invoked(context):
        _process.app().clocks.tick(name)


@contextmanager
def invoked(context: func.Context) -> Iterator[None]:
    """What the block logs belongs to the invocation, and its spans to the host's operation."""
    with following(context), tracing.continued(of_host(context)):
        yield


def of_host(context: func.Context) -> str | None:
    """The `traceparent` that the host gives to an invocation: so what the app does, and what the
    host writes of the invocation, are one operation in Application Insights.
    https://learn.microsoft.com/azure/azure-functions/opentelemetry-howto"""
    return getattr(context.trace_context, "trace_parent", None) or None


async def answer(bridge: Bridge, req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """What the app behind the bridge answers. The request is counted for the scaling policy."""
    began = _clock.monotonic()
    with following(context):
        made: func.HttpResponse = await bridge.handle_async(req, context)
        if not urlsplit(req.url).path.rstrip("/").endswith(_LOOKS):
            _count(_clock.monotonic() - began)
        if made.status_code < 500:
            await asyncio.to_thread(stand_in)
    return made


def _count(seconds: float) -> None:
    """Count a request. A process whose app could not be built yet counts none."""
    app = _process.built()
    if app is not None:
        app.traffic.count(seconds)


def stand_in() -> None:
    """Chain what the invocation told the audit, write what was counted, and tick, if no clock has
    ticked for a while. Any invocation that is no clock's calls this when it is done.

    Its own work is done by then, so a failure here does not make the invocation fail.
    """
    try:
        _process.app().audit.settle()
        _process.app().traffic.write()
        _process.app().clocks.stand_in()
    except BelfryError as error:
        event(_logger, Event.STORAGE_AWAY, level=logging.WARNING, error=str(error))


def clock_by_http(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Do one whole tick for an outside caller; answers what it did, or that storage failed."""
    began = _clock.monotonic()
    parent = of_host(context) or req.headers.get("traceparent")
    try:
        with following(context):
            belfry = _process.app()
            with tracing.continued(parent):
                did = belfry.clocks.tick(HTTP)
            now = belfry.clock.now()
            _count(_clock.monotonic() - began)
            belfry.traffic.write()
    except Unavailable as error:
        return _problem(503, "An outside service did not answer", error)
    except Refused as error:
        return _problem(502, "An outside service refused", error)
    body = {"ticked_at": instant(now), **did.shown()}
    return func.HttpResponse(json.dumps(body), mimetype="application/json")


def _problem(status: int, title: str, error: BelfryError) -> func.HttpResponse:
    """A problem document (RFC 9457), without the web framework, so that a tick starts fast."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": redact(str(error))}
    return func.HttpResponse(
        json.dumps(body),
        status_code=status,
        headers={"Retry-After": "10"} if status == 503 else None,
        mimetype="application/problem+json",
    )


def by_hand(timer: func.TimerRequest, now: datetime) -> bool:
    """Whether a person invoked the timer: it is not past due, and its next firing is in the future.

    When the timer fires by itself, `ScheduleStatus.Next` is still this firing, because the host
    writes the status afterwards.
    """
    # The base class does not declare the attributes that every real request has.
    status: dict[str, Any] = getattr(timer, "schedule_status", None) or {}
    planned = status.get("Next")
    if timer.past_due or not planned:
        return False
    at = datetime.fromisoformat(planned)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) - now > _BY_HAND
