"""The app of a process: made from the settings in its environment, and drained at its end.

`functions` keeps one, so that warm invocations reuse its clients.
"""

from __future__ import annotations

import atexit
import functools
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared import settings as configuration
from shared.alerts import routes
from shared.app import App, build
from shared.approvals import approvers
from shared.backups import engines
from shared.clock import Clock, FixedClock
from shared.data import database, names
from shared.engine.commands import configured
from shared.engine.work.worker import Worker
from shared.keys import people
from shared.log import Event, event
from shared.notifications import channels
from shared.settings import Settings
from shared.storage.checked import CheckedClock
from shared.tasks import Registry
from shared.tracing.setup import turn_on

_logger = logging.getLogger("belfry")

PATIENCE = timedelta(seconds=10)
"""How long an instance that is shutting down waits for its jobs to stop."""


def started(tasks: Registry) -> App:
    """The app of a process, with these tasks. It is prepared now, and drained at the end."""
    made = _build(tasks)
    made.prepare()
    finish = turn_on(made.settings.tracing)  # not before: each start that fails would leave it on
    made = replace(made, started_at=made.clock.now())  # by now the clock is checked
    drain_at_exit(made.clock, made.short_worker, made.long_worker, then=finish)
    event(_logger, Event.APP_STARTED, tasks=len(list(made.registry)))
    return made


def by_hand(tasks: Registry) -> App:
    """The app for one command of a person. It changes nothing that the running app has stored."""
    made = _build(tasks)
    made.prepare(by_hand=True)
    finish = turn_on(made.settings.tracing, short=True)
    drain_at_exit(made.clock, made.worker, then=finish)
    return made


def rehearsing(tasks: Registry, at: Callable[[Settings, datetime], datetime]) -> App:
    """The app for a dry run. It creates and changes nothing: its storage and its database refuse
    every write. Its clock stands at the instant that `at` returns, given the settings and the
    present instant."""
    settings, clock = _settings(tasks), CheckedClock()
    database.forbid_writing()
    stands = FixedClock(at(settings, clock.now()), clock)
    return build(settings, stands, tasks, rehearses=clock)


def check(tasks: Registry) -> None:
    """Read the app's settings. Raises `Misconfigured`, which names all that is wrong."""
    _settings(tasks)


def prepare(tasks: Registry) -> None:
    """Check the app's settings, and create what it needs in its storage account. Call this before
    you start the app.

    The app itself does the rest, in its own process, and logs what it did.
    """
    _build(tasks).create()


def _build(tasks: Registry) -> App:
    return build(_settings(tasks), CheckedClock(), tasks)


def _settings(tasks: Registry) -> Settings:
    settings = configuration.load(
        lambda read: (
            *configured.problems(tasks, read),
            *routes.wrong_in(read),
            *approvers.wrong_in(read),
            *people.wrong_in(read),
        ),
        channels.declared(),
        engines.schemes(),
    )
    names.use(names.read(settings.data_names))
    return settings


def drain_at_exit(
    clock: Clock,
    *workers: Worker,
    patience: timedelta = PATIENCE,
    then: Callable[[], None] = lambda: None,
) -> None:
    """Give running jobs back when the process ends normally, and do what comes `then`.

    No host tells an app when that is. At its end, the interpreter waits for the threads that
    functions run in before it calls `atexit` hooks. Only the hook of concurrent.futures comes
    earlier.
    """
    import concurrent.futures.thread  # noqa: F401, the hooks are called last in, first out

    register = getattr(threading, "_register_atexit", atexit.register)
    register(functools.partial(_drain, clock, workers, patience, then))


def _drain(
    clock: Clock, workers: Sequence[Worker], patience: timedelta, then: Callable[[], None]
) -> None:
    """Tell all workers before waiting for any of them; `patience` is for all together."""
    for worker in workers:
        worker.stop()
    until = clock.monotonic() + patience.total_seconds()
    for worker in workers:
        worker.drain(timedelta(seconds=max(0.0, until - clock.monotonic())))
    then()
