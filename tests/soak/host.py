"""A host as a process: a clock that ticks, and the two workers, until it is killed.

What leaves the engine and is no `BelfryError` goes to the file `crashes`: there must be none.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from shared.engine.dispatch.names import DISPATCHER, MESSAGE
from shared.errors import BelfryError
from tests.soak.listener import Listener
from tests.soak.pace import MINUTE
from tests.soak.traces import Traces
from tests.soak.world import Setup, app


class Host:
    """One of several, or alone. Two clocks tick, each once a minute of the service, half a minute
    apart: hosts with an even number are one of them, the others the other."""

    def __init__(self, setup: Setup, number: int, several: bool) -> None:
        self._folder = setup.folder
        self._began = setup.began
        self._traces = Traces(setup.folder, setup.clock)
        self._app = app(setup, self._traces)
        clocks = [(DISPATCHER, 0.0), (MESSAGE, MINUTE / 2)]
        self._clocks = [clocks[number % 2]] if several else clocks

    def run(self) -> None:
        for long in (False, True):
            listener = Listener(self._app, long=long, safe=self._safe)
            threading.Thread(target=listener.listen, daemon=True).start()
        ticking = [
            threading.Thread(target=self._tick, args=clock, daemon=True) for clock in self._clocks
        ]
        for thread in ticking:
            thread.start()
        self._traces.up()
        for thread in ticking:
            thread.join()

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


if __name__ == "__main__":
    Host(Setup.of(sys.argv[1]), int(sys.argv[2]), several=int(sys.argv[3]) > 1).run()
