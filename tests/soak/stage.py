"""A world for one trial: hosts, and neither people nor faults. Time is told in seconds of life,
from its beginning on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.azurite import Azurite
from shared.app import App
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import job_id
from shared.schedules.model import Definition, Policy
from tests.soak.hosts import Hosts
from tests.soak.noted import Noted
from tests.soak.world import BASE, Setup, add, app

_GLANCE = 0.25


@dataclass(frozen=True, slots=True)
class Stage:
    """Use `staged`."""

    setup: Setup
    calm: App
    hosts: Hosts
    boot: float
    """Seconds in which the hosts were ready to work."""

    @property
    def now(self) -> float:
        return time.monotonic() - self.setup.began

    def due(
        self, name: str, at: Sequence[float], policy: Policy, *, seconds: float = 0
    ) -> dict[str, float]:
        """Make a schedule due at each of the instants, once, and hand them out; the jobs' ids, and
        when each is due exactly. `seconds`: what a run takes, on the fast clock."""
        wanted: list[tuple[str, Definition, Policy]] = []
        jobs: dict[str, float] = {}
        for number, instant in enumerate(at):
            due = (BASE + self.setup.pace.fast(instant)).replace(microsecond=0)
            once = Recurrence(frequency=Frequency.ONCE, start_time=due)
            definition = Definition(
                name=name, task_type="sits", recurrence=once, task_parameters={"seconds": seconds}
            )
            wanted.append((f"{name}{number}", definition, policy))
            jobs[job_id(f"{name}{number}", due)] = self.setup.pace.life(due - BASE)
        add(self.calm, wanted)
        self.calm.dispatcher.tick(self.calm.clock.now(), "soak")
        return jobs

    def noted(self) -> Noted:
        """What the hosts noted so far."""
        return Noted.read(self.setup.folder / "traces")

    def life(self, stamp: float) -> float:
        """An instant that was noted."""
        return (stamp - BASE.timestamp()) / self.setup.factor

    def until(self, at: float) -> None:
        """Wait for that instant."""
        time.sleep(max(0.0, at - self.now))

    def settles(self, good: Callable[[], bool], patience: float) -> bool:
        """Whether it becomes good within so many seconds."""
        until = self.now + patience
        while self.now < until:
            if good():
                return True
            time.sleep(_GLANCE)
        return False


@contextmanager
def staged(azurite: Azurite, folder: Path, how: str, prefix: str, number: int) -> Iterator[Stage]:
    """So many hosts, up, with their engine broken as `how` says."""
    setup = Setup(
        connection_string=azurite.connection_string,
        prefix=prefix,
        began=time.monotonic(),
        folder=folder,
        factor=24,
        break_engine=how,
    )
    calm = app(setup)
    calm.prepare()
    hosts = Hosts(setup, number)
    began = time.monotonic()
    hosts.start()
    try:
        while not (folder / "traces").exists() or len(Noted.read(folder / "traces").up) < number:
            assert hosts.ended() == [], "a host does not start"
            time.sleep(_GLANCE)
        yield Stage(setup, calm, hosts, time.monotonic() - began)
    finally:
        hosts.kill_all()
