"""Processes that the soak starts and kills: hosts, and the fault proxy."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from multiprocessing.process import BaseProcess

from tests.soak import host
from tests.soak.world import Setup

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([host.__name__, "tests.soak.callers.served"])
"""What hosts import, they import once, together: they would do little else between two kills."""


class Proxy:
    """The fault proxy as a process of its own."""

    def __init__(self, target: str, seed: int) -> None:
        command = [sys.executable, "-m", "tests.faults", "--target", target, "--seed", str(seed)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.connection_string = self._line()

    def say(self, command: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        answer = self._line()
        assert not answer.startswith("error"), answer
        return answer

    def close(self) -> None:
        self._process.communicate(timeout=20)

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


class Hosts:
    """Hosts that are killed and come back."""

    def __init__(self, setup: Setup, number: int) -> None:
        self._setup = setup
        self._running: list[BaseProcess | None] = [None] * number
        self.kills = 0

    def start(self) -> None:
        """All that do not run."""
        for place, process in enumerate(self._running):
            if process is None or not process.is_alive():
                self._running[place] = self._start(place)

    def kill(self, place: int) -> None:
        """With SIGKILL, as all kills are."""
        self._end([place])

    def kill_all(self) -> None:
        """At once."""
        self._end(range(len(self._running)))

    def ended(self) -> list[int]:
        """The exit codes of those that ended by themselves."""
        codes = [process.exitcode for process in self._running if process is not None]
        return [code for code in codes if code is not None]

    def _end(self, places: range | list[int]) -> None:
        running = [process for place in places if (process := self._running[place]) is not None]
        for process in running:
            process.kill()
        for process in running:
            process.join()
            self._running[self._running.index(process)] = None
            self.kills += 1

    def _start(self, place: int) -> BaseProcess:
        several = len(self._running) > 1
        made = _FORKS.Process(target=host.run, args=(self._setup, place, several), daemon=True)
        made.start()
        return made
