"""A host as a process: a clock that ticks, and the two workers, until it is killed.

What leaves the engine and is no `BelfryError` goes to the file `crashes`: there must be none.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import wait
from typing import Any

from shared.engine.dispatch.names import DISPATCHER, MESSAGE
from shared.errors import BelfryError
from shared.settings import Tracing, TracingSettings
from shared.tracing.setup import turn_on
from tests.soak.listener import Listener
from tests.soak.pace import MINUTE
from tests.soak.traces import Traces
from tests.soak.world import Setup, app


class Host:
    """One of several, or alone. Two clocks tick, each once a minute of the service, half a minute
    apart: hosts with an even number are one of them, the others the other."""

    def __init__(self, setup: Setup, number: int, several: bool) -> None:
        self._setup = setup
        self._number = number
        self._folder = setup.folder
        self._began = setup.began
        self._traces = Traces(setup.folder, setup.clock)
        self._app = app(setup, self._traces)
        clocks = [(DISPATCHER, 0.0), (MESSAGE, MINUTE / 2)]
        self._clocks = [clocks[number % 2]] if several else clocks

    def run(self) -> None:
        turn_on(TracingSettings(to=Tracing.CONSOLE))
        for long in (False, True):
            listener = Listener(self._app, long=long, safe=self._safe)
            threading.Thread(target=listener.listen, daemon=True).start()
        if self._setup.api:
            threading.Thread(target=self._serve, daemon=True).start()
        ticking = [
            threading.Thread(target=self._tick, args=clock, daemon=True) for clock in self._clocks
        ]
        for thread in ticking:
            thread.start()
        self._traces.up()
        for thread in ticking:
            thread.join()

    def _serve(self) -> None:
        from tests.soak.callers.served import serve  # a web framework takes long to import

        serve(self._app, self._setup.pace, self._folder, self._number, self._safe)

    def _tick(self, name: str, phase: float) -> None:
        while True:
            passed = time.monotonic() - self._began - phase
            time.sleep(MINUTE - passed % MINUTE)
            self._safe(partial(self._app.clocks.tick, name))

    def _safe(self, what: Callable[[], Any]) -> Any:
        """What it returns; None if it failed as things may."""
        try:
            return what()
        except BelfryError as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        except Exception:
            with (self._folder / "crashes").open("a") as file:
                file.write(f"{os.getpid()}\n{traceback.format_exc()}\n")
        return None


def run(setup: Setup, number: int, several: bool) -> None:
    """The process: it writes to a log of its own, and ends with the one that started it."""
    log = os.open(setup.folder / f"host{number}.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    Host(setup, number, several).run()


def _end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        wait([parent.sentinel])
        os._exit(1)
