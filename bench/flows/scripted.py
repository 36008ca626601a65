"""An engine whose part is a program of its own environment (bench/peers/scripts/flows_*.py)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from bench.flows import Asked, Killed, Measured, Order, Spent
from bench.flows.ledger import Step, read
from bench.peers import Absent, environment
from bench.peers.environment import SCRIPTS, Failed, told
from local import ports

Program = subprocess.Popen[bytes]
SLOW = 0.4
"""Seconds that a step takes of the chain that is killed."""
_RUN = "killed"
_START = 300.0


class Scripted:
    """What such engines share. Each begins with `start`, which says what its script is told."""

    packages: tuple[str, ...]
    script: str
    patience = 60.0
    """Seconds after the kill for which the rest of a chain is waited for."""

    def __init__(self, limit: float = 400) -> None:
        self._limit = limit
        self._told: Mapping[str, object] = {}

    def prepare(self, folder: Path) -> Absent | None:
        """See `Engine`."""
        python = environment.install(folder / self.script.removesuffix(".py"), self.packages)
        if isinstance(python, Absent):
            return python
        self.python = python
        self.folder = folder / f"{self.script.removesuffix('.py')}-store"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ledger = self.folder / "steps"
        try:
            self._told = self.start()
        except Failed as error:
            return Absent(why=str(error), broken=error.broken)
        return None

    def start(self) -> Mapping[str, object]:
        """Start its servers. Raises `Failed`."""
        raise NotImplementedError

    def close(self) -> None:
        """See `Engine`."""

    def servers(self) -> Sequence[Program]:
        """Its store's programs."""
        return ()

    def workers(self) -> Sequence[Program]:
        """What works on steps besides the script."""
        return ()

    @told
    def measure(self, orders: Sequence[Order]) -> Measured:
        """See `Engine`."""
        self.ledger.write_bytes(b"")
        return self.ask(orders)

    def ask(self, orders: Sequence[Order]) -> Measured:
        """Have the script carry them out."""
        found = environment.run(
            self.python,
            self.script,
            "measure",
            self._limit,
            self.environment(),
            orders=[asdict(order) for order in orders],
        )
        spent = {name: Spent(*some) for name, some in found["spent"].items()}
        return Measured([Asked(**one) for one in found["runs"]], spent)

    @told
    def kill(self, width: int, after: int) -> Killed:
        """See `Engine`."""
        self.ledger.write_bytes(b"")
        first = self.serve(_RUN, width)
        try:
            self._wait(after, self._limit / 4, first)
            time.sleep(SLOW / 2)  # what has ended is stored by now, and the next is under way
        finally:
            kill(*first)
        begin, before = time.time(), {one.number for one in self._steps()}
        second = self.serve("", width)
        try:
            with contextlib.suppress(Failed):
                self._wait(width, self.patience, second)
        finally:
            kill(*second)
        numbers = [one.number for one in self._steps()]
        return Killed(
            steps=width,
            done=len(set(numbers)),
            repeated=sum(numbers.count(number) > 1 for number in before),
            seconds=max(one.ended for one in self._steps()) - begin,
        )

    def serve(self, run: str, width: int) -> list[Program]:
        """The programs that work, and start a chain of slow steps if it has a name."""
        return [
            environment.start(
                environment.command(self.python, self.script, "serve", start=run, width=width),
                self.folder / "serve.log",
                self.environment(SLOW),
            )
        ]

    def environment(self, seconds: float = 0) -> Mapping[str, str]:
        """What the script is told. `seconds`: what a step takes."""
        asked = {
            **self._told,
            "ledger": str(self.ledger),
            "seconds": seconds,
            "servers": [one.pid for one in self.servers()],
            "workers": [one.pid for one in self.workers()],
        }
        return {
            "BENCH_FLOWS": json.dumps(asked),
            "PYTHONPATH": str(SCRIPTS),
            **self.variables(),
        }

    def variables(self) -> Mapping[str, str]:
        """The engine's own."""
        return {}

    def _steps(self) -> Sequence[Step]:
        return read(self.ledger).get(_RUN, ())

    def _wait(self, steps: int, limit: float, programs: Sequence[Program]) -> None:
        deadline = time.monotonic() + limit
        while len({one.number for one in self._steps()}) < steps:
            if any(one.poll() is not None for one in programs):
                raise Failed(f"it ended by itself, see {self.folder}", broken=True)
            if time.monotonic() > deadline:
                raise Failed(f"{len(self._steps())} of {steps} steps after {limit:.0f} s")
            time.sleep(0.01)


def wait_up(server: Program, port: int, name: str) -> None:
    """Until it answers. Raises `Failed`."""
    deadline = time.monotonic() + _START
    while not ports.answers(port):
        ended = server.poll() is not None
        if ended or time.monotonic() > deadline:
            raise Failed(f"{name} does not start", broken=ended)
        time.sleep(0.02)


def kill(*programs: Program) -> None:
    """Kill -9 them and all that they started: each has a session of its own."""
    for program in programs:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
    for program in programs:
        program.wait()
