"""The storm: hosts that are killed, outages of all of them, storage that fails, more and less."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from shared.app import App
from tests.soak.cells import LONGEST
from tests.soak.hosts import Hosts, Proxy
from tests.soak.outage import Outage
from tests.soak.pace import Pace

_Event = tuple[float, Callable[[], object]]
_PREPARED = 6.0
"""Seconds before an outage in which its schedules are created: a tick of each clock."""
_FIRST, _EACH = 8.0, 80.0
"""Seconds to the first outage, and from one to the next."""
_CALM = 6.0
"""Seconds around an outage without other kills."""
_RATES = ((0.0, 0.03), (0.15, 0.1), (0.25, 0.03), (0.75, 0.25), (0.85, 0.04))
"""(from which share of the storm on, the share of requests that fail)."""


@dataclass(slots=True)
class Storm:
    """Blows over the hosts. `calm`: an app whose storage does not fail."""

    hosts: Hosts
    proxy: Proxy
    calm: App
    pace: Pace
    chance: random.Random
    outages: list[Outage] = field(default_factory=list)

    def blow(self, seconds: float) -> None:
        """For so long. Call it in the thread that started the hosts."""
        began = time.monotonic()
        for at, what in self._script(seconds):
            time.sleep(max(0.0, began + at - time.monotonic()))
            assert self.hosts.ended() == [], "a host ended by itself"
            what()
        time.sleep(max(0.0, began + seconds - time.monotonic()))

    def _script(self, seconds: float) -> list[_Event]:
        """(when, what) in order."""
        events: list[_Event] = [
            (seconds * share, partial(self.proxy.say, f"rate {rate}")) for share, rate in _RATES
        ]
        quiet: list[tuple[float, float]] = []
        at = _FIRST
        while at + _PREPARED + LONGEST + _CALM < seconds:
            kill = at + _PREPARED
            events += [(at, self._prepare), (kill, self._kill), (kill + LONGEST, self.hosts.start)]
            quiet.append((kill - _CALM / 2, kill + LONGEST + _CALM))
            at += _EACH
        at = 3.0
        while at < seconds - 1:
            back = at + self.chance.uniform(0.5, 3)
            if not any(begin < back and at < end for begin, end in quiet):
                events.append((at, partial(self.hosts.kill, self.chance.randrange(3))))
                events.append((back, self.hosts.start))
            at += self.chance.uniform(4, 9)
        return sorted(events, key=lambda event: event[0])

    def _prepare(self) -> None:
        number = len(self.outages)
        self.outages.append(Outage.prepare(self.calm, number, self.pace, _PREPARED))

    def _kill(self) -> None:
        self.hosts.kill_all()
        self.outages[-1].killed = self.calm.clock.now()
