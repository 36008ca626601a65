"""An engine with a fault proxy before its storage, and one more that goes past it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from weakref import WeakSet

import pytest

from local.azurite import Azurite
from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job, job_id
from shared.schedules.model import Schedule
from shared.storage import failures
from shared.storage.lean import Lean
from shared.storage.queues.jobs import Message
from tests.faults import FaultProxy, LoseAnswer, Rule
from tests.integration.engine.conftest import Engine, make

HANG = 0.5
"""Seconds that a first attempt waits where an answer does not come. The next one waits as long as a
busy machine may take."""
_prefixes = itertools.count()


@dataclass
class Faulty:
    """`engine` talks through `proxy`; `calm` is one of its own, on the same tables."""

    proxy: FaultProxy
    engine: Engine
    calm: Engine

    def behind(self) -> Engine:
        """One more app behind the proxy."""
        prefix = self.engine.app.settings.prefix
        return make(_Through(self.proxy), prefix, prepared=True)  # type: ignore[arg-type]

    def add(self, task_type: str = "works", **changes: Any) -> Schedule:
        """A schedule, due once, in half a minute."""
        due = self.calm.clock.now().replace(microsecond=0) + timedelta(seconds=30)
        once = Recurrence(frequency=Frequency.ONCE, start_time=due)
        return self.calm.add(task_type, **{"recurrence": once, **changes})

    def due(self, schedule: Schedule) -> str:
        """The job of its occurrence."""
        start = schedule.definition.recurrence.start_time
        assert start is not None
        return job_id(schedule.id, start)

    def jobs(self, schedule: Schedule) -> list[Job]:
        """Those that ended."""
        return list(self.calm.app.table.jobs(schedule.id))

    def live(self, schedule: Schedule) -> list[str]:
        return self.live_ids(schedule.id)

    def live_ids(self, schedule_id: str) -> list[str]:
        found = self.calm.app.table.get(schedule_id)
        assert found is not None
        return [job.id for job in found.progress.live]

    def later(self, seconds: float) -> None:
        for one in (self.engine, self.calm):
            one.later(seconds)

    def message(self, *job_ids: str) -> Message:
        return Message(job_ids, self.engine.clock.now())

    def meet(self, *faults: Any, **match: Any) -> Rule:
        """The faults from now on; those before are over."""
        self.proxy.rules.clear()
        return self.proxy.rules.add(*faults, **match)

    def calm_down(self) -> None:
        self.proxy.rules.clear()


@pytest.fixture
def proxy(azurite: Azurite) -> Iterator[FaultProxy]:
    with FaultProxy(azurite.connection_string, seed=1) as running:
        yield running


@pytest.fixture
def faulty(
    azurite: Azurite,
    proxy: FaultProxy,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Faulty]:
    """Without pauses between attempts, and soon at their end where an answer does not come."""
    fault = request.getfixturevalue("fault") if "fault" in request.fixturenames else None
    if isinstance(fault, LoseAnswer) and fault.hang:
        _give_up_soon(monkeypatch)
    monkeypatch.setitem(failures.TIMEOUTS, "read_timeout", 5)
    monkeypatch.setattr(failures, "LONGEST_PAUSE", 0.01)
    monkeypatch.setitem(failures.RETRIES, "retry_backoff_factor", 0)
    prefix = f"f{next(_prefixes)}"
    calm = make(azurite, prefix)
    made = Faulty(proxy, make(_Through(proxy), prefix, prepared=True), calm)  # type: ignore[arg-type]
    yield made
    made.engine.calls.hold.set()


def _give_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each request's first attempt end after `HANG`."""
    send, tried = Lean.send, WeakSet[Any]()

    def impatient(self: Lean, request: Any, **options: Any) -> Any:
        if request not in tried:
            tried.add(request)
            options["read_timeout"] = HANG
        return send(self, request, **options)

    monkeypatch.setattr(Lean, "send", impatient)


@dataclass
class _Through:
    """An Azurite as `make` wants it, behind the proxy."""

    proxy: FaultProxy

    @property
    def connection_string(self) -> str:
        return self.proxy.connection_string
