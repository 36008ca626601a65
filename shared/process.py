"""The app as a process has it: by the settings of its environment, and drained at its end.

`functions` keeps one, so that warm invocations reuse its clients.
"""

from __future__ import annotations

import atexit
import functools
import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from shared import settings as configuration
from shared.app import App, build
from shared.clock import Clock
from shared.data import names
from shared.engine.commands import builtin
from shared.engine.work.worker import Worker
from shared.log import Event, event
from shared.notifications import channels
from shared.storage.checked import CheckedClock
from shared.tasks import Registry

_logger = logging.getLogger("belfry")

PATIENCE = timedelta(seconds=10)
"""How long an instance that goes down waits for its jobs to stop when told."""


def started(tasks: Registry) -> App:
    """The app of a process, with these tasks: prepared, and drained when the process ends."""
    made = _build(tasks)
    made.prepare()
    made = replace(made, started_at=made.clock.now())  # by now the clock is checked
    drain_at_exit(made.clock, made.short_worker, made.long_worker)
    event(_logger, Event.APP_STARTED, tasks=len(list(made.registry)))
    return made


def by_hand(tasks: Registry) -> App:
    """The app for one command of a person; it changes nothing that the app has stored."""
    made = _build(tasks)
    made.prepare(by_hand=True)
    drain_at_exit(made.clock, made.worker)
    return made


def prepare(tasks: Registry) -> None:
    """For whoever starts the app: check its settings, and create what it needs in its storage
    account.

    The app itself does the rest, in its own process, and logs what it did.
    """
    _build(tasks).create()


def _build(tasks: Registry) -> App:
    check = functools.partial(builtin.problems, tasks)
    settings = configuration.load(check, channels.declared())
    names.use(names.read(settings.data_names))
    return build(settings, CheckedClock(), tasks)


def drain_at_exit(clock: Clock, *workers: Worker, patience: timedelta = PATIENCE) -> None:
    """Give back what runs when the process ends normally.

    No host tells an app when that is. The interpreter first waits for the threads that functions
    run in, and calls `atexit` hooks after that; only concurrent.futures' own hook comes earlier.
    """
    import concurrent.futures.thread  # noqa: F401, the hooks are called last in, first out

    register = getattr(threading, "_register_atexit", atexit.register)
    register(functools.partial(_drain, clock, workers, patience))


def _drain(clock: Clock, workers: Sequence[Worker], patience: timedelta) -> None:
    """Tell all workers before waiting for any; together they have `patience`."""
    for worker in workers:
        worker.stop()
    until = clock.monotonic() + patience.total_seconds()
    for worker in workers:
        worker.drain(timedelta(seconds=max(0.0, until - clock.monotonic())))
