"""The proxy as a program, for tests with several hosts.

    python -m tests.faults --target "<Azurite's connection string>" --seed 7 --rate 0.05

Its first line is the connection string to use. Then each line of stdin is a command, and each is
answered with one line: `ok`, JSON, or `error: ...`. It ends when stdin does.

    rate R                           the mix of all faults (faults.MIX) for R of the requests
    add KIND R [SERVICE [OPERATION]] one kind of fault for R of these requests, such as
                                     `add lose_answer 0.1 table $batch`
    clear                            no more faults, those of `rate` included
    counts                           what passed, as JSON
    reset                            count from nothing again
    quit
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable

from tests.faults.faults import MIX
from tests.faults.proxy import FaultProxy
from tests.faults.request import SERVICES
from tests.faults.rules import Match, Rule


class Console:
    """Obeys commands."""

    def __init__(self, proxy: FaultProxy) -> None:
        self._proxy = proxy
        self._mix: Rule | None = None

    def rate(self, rate: str) -> str:
        if self._mix is not None:
            self._proxy.rules.remove(self._mix)
        self._mix = self._proxy.rules.add(*MIX, rate=_share(rate))
        return "ok"

    def add(self, kind: str, rate: str, service: str = "", operation: str = "") -> str:
        match = Match()
        if service:
            match["service"] = next(one for one in SERVICES if one == service)
        if operation:
            match["operation"] = operation
        faults = [fault for fault in MIX if fault.kind == kind]
        self._proxy.rules.add(*faults, rate=_share(rate), **match)
        return "ok"

    def clear(self) -> str:
        self._proxy.rules.clear()
        return "ok"

    def counts(self) -> str:
        return json.dumps(self._proxy.counts())

    def reset(self) -> str:
        self._proxy.log.reset()
        return "ok"

    def obey(self, line: str) -> str:
        """The answer to a command, whatever it is."""
        name, *arguments = line.split()
        commands: dict[str, Callable[..., str]] = {
            "rate": self.rate,
            "add": self.add,
            "clear": self.clear,
            "counts": self.counts,
            "reset": self.reset,
        }
        try:
            return commands[name](*arguments)
        except (KeyError, TypeError, ValueError, StopIteration) as error:
            return f"error: {line.strip()}: {type(error).__name__} {error}"


def main() -> None:
    """Run until stdin ends."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--target", required=True, help="Azurite's connection string")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", default="0", help="share of requests that meet a fault, 0 to 1")
    arguments = parser.parse_args()
    with FaultProxy(arguments.target, seed=arguments.seed) as proxy:
        console = Console(proxy)
        console.rate(arguments.rate)
        print(proxy.connection_string, flush=True)
        for line in sys.stdin:
            if line.strip() == "quit":
                return
            if line.strip():
                print(console.obey(line), flush=True)


def _share(text: str) -> float:
    rate = float(text)
    if not 0 <= rate <= 1:
        raise ValueError("a rate is from 0 to 1")
    return rate


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
