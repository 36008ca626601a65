"""Belfry's workflows: runs on Azurite, their steps in a host that is a process of its own."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from bench.belfry.counted import Counted, Counts
from bench.belfry.flows import FlowJobs, definition
from bench.belfry.site import SHARDS, Host, Site
from bench.belfry.world import receiving
from bench.flows import Asked, Killed, Measured, Order, Shape, Spent
from bench.flows.ledger import Step, read
from bench.flows.scripted import SLOW
from bench.peers import Absent
from bench.peers.environment import Failed, told
from bench.peers.processor import Meter
from shared.app import App
from shared.storage.names import Names
from shared.storage.queues.jobs import parse
from shared.workflows.service import Asked as Wanted
from shared.workflows.state import Run, RunStatus

_LOOK = 0.01
_LEASE = 6
"""Seconds, for the kill: who is killed leaves a lease behind, after which its jobs are begun
again."""
_RUN = "killed"


class Belfry:
    """Everything is in one storage account, which is new each time unless it is `reused`."""

    name = "Belfry, Azurite"
    setting = (
        f"{SHARDS} shards, one host with 50 jobs at once, queues as host.json has them; a run is "
        "started by another process; of a fan 50 run at once, and the join is given how many "
        f"succeeded; for the kill JOB_LEASE_SECONDS {_LEASE} (as it comes 60)"
    )
    persists = (
        "its start (a lease) and its result, in one transaction with the run and what follows, "
        "before the next begins"
    )

    def __init__(self, limit: float = 300, *, reused: bool = False) -> None:
        self._limit = limit
        self._reused = reused
        self._site: Site | None = None

    def prepare(self, folder: Path) -> Absent | None:
        """See `Engine`."""
        self._site = Site(folder / "belfry-flows", reused=self._reused)
        return None

    @property
    def site(self) -> Site:
        """Where it is measured. Raises `AssertionError` before `prepare`."""
        assert self._site is not None
        return self._site

    @property
    def ledger(self) -> Path:
        """See `Engine`."""
        return self.site.ledger.path

    def close(self) -> None:
        """See `Engine`."""
        if self._site is not None:
            self._site.close()

    @told
    def measure(self, orders: Sequence[Order]) -> Measured:
        """See `Engine`."""
        belfry, runs, spent = self._app(), [], {}
        with self.site.hosts(belfry, {"flows": True}) as (host,):
            for order in orders:
                meter, mine = Meter([host], [self.site.azurite.process]), time.thread_time()
                runs += self._ordered(belfry, order, host)
                found = meter.read(1, time.thread_time() - mine)
                spent[order.name] = Spent(
                    found.hosts_milliseconds / 1000, found.storage_milliseconds / 1000
                )
        return Measured(runs, spent)

    @told
    def kill(self, width: int, after: int) -> Killed:
        """See `Engine`."""
        belfry = self._app()
        slow = {"flows": True, "seconds": SLOW, "lease_seconds": _LEASE, "tick_seconds": 2}
        with self.site.hosts(belfry, slow) as (host,):
            start(belfry, "chain", width, _RUN)
            self._wait({_RUN: after}, host)
            time.sleep(SLOW / 2)  # what has ended is stored by now, and the next is under way
        begin, before = time.time(), self._steps(_RUN)
        with self.site.hosts(belfry, slow) as (host,), suppress(Failed):
            self._wait({_RUN: width}, host)
        numbers = [one.number for one in self._steps(_RUN)]
        return Killed(
            steps=width,
            done=len(set(numbers)),
            repeated=sum(numbers.count(one.number) > 1 for one in before),
            seconds=max(one.ended for one in self._steps(_RUN)) - begin,
        )

    def counts(self, order: Order) -> Counts:
        """What one run of the order asks of storage, of a worker that has no other work; its
        messages are received and deleted besides."""
        counted = Counted()
        belfry = self._app()
        mine = self.site.same(belfry.settings.prefix, counted.transport(), FlowJobs())
        mine.table.get("warm")
        run = start(mine, order.shape, order.width, order.name)
        counted.take()
        queue = receiving(belfry, Names(belfry.settings.prefix).queue)
        messages = 0
        while belfry.workflow_runs().get(run.id).is_open:
            for message in queue.receive_messages(messages_per_page=16, visibility_timeout=60):
                mine.worker.work(parse(message.content))
                messages += 1
        found = counted.take()
        return replace(found, queue_requests=found.queue_requests + 2 * messages)

    def _app(self) -> App:
        return self.site.app(FlowJobs())

    def _ordered(self, belfry: App, order: Order, host: Host) -> list[Asked]:
        ids = [order.run(number) for number in range(order.runs)]
        if not order.together:
            return [one for run in ids for one in self._asked(belfry, order, [run], host)]
        return self._asked(belfry, order, ids, host)

    def _asked(self, belfry: App, order: Order, ids: Sequence[str], host: Host) -> list[Asked]:
        asked = []
        for name in ids:
            at = time.time()
            asked.append((name, at, start(belfry, order.shape, order.width, name).id))
        self._wait(dict.fromkeys(ids, order.steps), host)
        return [Asked(name, at, self._ended(belfry, run)) for name, at, run in asked]

    def _ended(self, belfry: App, run_id: str) -> float:
        """When the run was seen to have succeeded: its last step is written a moment before."""
        deadline = time.monotonic() + 30
        while (run := belfry.workflow_runs().get(run_id)).is_open:
            if time.monotonic() > deadline:
                raise Failed(f"{run_id} does not end", broken=True)
            time.sleep(_LOOK)
        if run.status is not RunStatus.SUCCEEDED:
            raise Failed(f"{run_id}: {run.status}, {run.reason}", broken=True)
        return time.time()

    def _wait(self, wanted: dict[str, int], host: Host) -> None:
        """Until each of these runs has so many steps that have ended."""
        deadline, left = time.monotonic() + self._limit, Counter(wanted)
        with self.ledger.open() as ledger:
            while left := +left:
                if host.poll() is not None:
                    raise Failed("its host ended by itself", broken=True)
                if time.monotonic() > deadline:
                    raise Failed(f"not over after {self._limit:.0f} s: {left}", broken=True)
                left.subtract(line.split()[0] for line in ledger if line.split()[0] in wanted)
                time.sleep(_LOOK)

    def _steps(self, run: str) -> Sequence[Step]:
        return read(self.ledger).get(run, ())


def start(belfry: App, shape: Shape, width: int, name: str) -> Run:
    """Start a run."""
    found = definition(shape, width)
    wanted = Wanted(
        workflow_id=shape,
        name=found.definition.name,
        project_id=1,
        definition=found.definition,
        text=found.text,
    )
    return belfry.workflow_runs().start(wanted, {"run": name}, key=name)
