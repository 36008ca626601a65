"""The world of the soak: a clock that runs fast, an app on it, and tasks that leave traces.

All processes share one beginning (`Epoch`), so they read the same time. What the engine counts in
seconds of the network (how long a commit may take, how exactly a queue waits) is stretched with
the clock; what it counts in seconds of its schedules is not.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import shared.app
from shared.app import App
from shared.engine import gang, sweep, tick, worker
from shared.engine.crew import Lease
from shared.schedules import claim, lost
from shared.schedules.job import Job
from shared.settings import from_env
from shared.storage.queue import JobQueue, Message, Sent
from shared.storage.schedules import Change
from shared.tasks import JobContext, Params, Registry, Result, task

BASE = datetime(2026, 11, 1, 5, 10, tzinfo=UTC)
"""In New York the clocks go back at 06:00, in Denver November begins then."""
LEASE = Lease(length=timedelta(seconds=600), beat=timedelta(seconds=60))


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """When the fast clock began, on the monotonic clock of the machine, and how fast it is."""

    began: float
    factor: int


class FastClock:
    """`factor` seconds pass in one."""

    def __init__(self, epoch: Epoch) -> None:
        self.epoch = epoch

    def now(self) -> datetime:
        passed = time.monotonic() - self.epoch.began
        return BASE + timedelta(seconds=passed * self.epoch.factor)

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        return event.wait(longest.total_seconds() / self.epoch.factor)


@dataclass(frozen=True, kw_only=True, slots=True)
class Setup:
    """What a host is told, as JSON on its command line."""

    connection_string: str
    prefix: str
    epoch: Epoch
    folder: Path
    break_engine: str = ""
    """To see the soak fail: see `_break`."""

    def text(self) -> str:
        return json.dumps(asdict(self) | {"folder": str(self.folder)})

    @staticmethod
    def of(text: str) -> Setup:
        said = json.loads(text)
        return Setup(
            **said | {"epoch": Epoch(**said["epoch"]), "folder": Path(said["folder"])},
        )


class Traces:
    """The file that all hosts append to, a line each time, and the effects that jobs have."""

    def __init__(self, folder: Path, clock: FastClock) -> None:
        self._effects = folder / "effects"
        self._effects.mkdir(exist_ok=True)
        self._clock = clock
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._file = os.open(folder / "traces", flags)
        self._begun: set[tuple[str, int]] = set()

    def write(self, kind: str, job_id: str, attempt: int, **more: object) -> None:
        at = self._clock.now().timestamp()
        line = {"kind": kind, "job": job_id, "attempt": attempt, "at": at, "pid": os.getpid()}
        os.write(self._file, (json.dumps(line | more) + "\n").encode())

    def effect(self, job: JobContext) -> None:
        """What a job does to the outside, with its id as the key: done once, then refused."""
        try:
            os.close(os.open(self._effects / job.job_id, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            self.write("effect_refused", job.job_id, job.attempt)
        else:
            self.write("effect", job.job_id, job.attempt)

    def begin(self, job: JobContext) -> None:
        self._begun.add((job.job_id, job.attempt))
        self.write("start", job.job_id, job.attempt)

    def watch(self, app: App) -> None:
        """Note leases when they were written, and attempts that are over before that is written."""
        commit, end = app.table.commit, app.table.end

        def committed(changes: Sequence[Change]) -> list[bool]:
            for change in changes:
                for live in change.before.progress.live if change.before else ():
                    after = change.after.progress.find(live.id)
                    if after is None or after.worker is None:
                        self._over(live.id, live.attempt)
            won = commit(changes)
            for change, made in zip(changes, won, strict=True):
                for live in change.after.progress.live if made else ():
                    before = change.before and change.before.progress.find(live.id)
                    if live.lease_until is not None and before != live:
                        until = live.lease_until.timestamp()
                        self.write("lease", live.id, live.attempt, until=until)
            return won

        def ended(jobs: Sequence[Job]) -> list[bool]:
            for job in jobs:
                self._over(job.id, job.attempt)
            return end(jobs)

        table: Any = app.table
        table.commit, table.end = committed, ended

    def _over(self, job_id: str, attempt: int) -> None:
        if (job_id, attempt) in self._begun:
            self._begun.discard((job_id, attempt))
            self.write("over", job_id, attempt)


def app(setup: Setup, traces: Traces | None = None) -> App:
    """An app on the fast clock, not prepared. Without traces it runs no jobs."""
    clock = FastClock(setup.epoch)
    _stretch(setup.epoch.factor)
    configured = from_env(
        {
            "AzureWebJobsStorage": setup.connection_string,
            "BELFRY_PREFIX": setup.prefix,
            "SCHEDULE_SHARDS": "4",
            "JOBS_PER_INSTANCE": "24",
            "JOBS_PER_PROJECT": "6",
        }
    )
    traced = traces or Traces(setup.folder, clock)
    made = shared.app.build(configured, clock, registry=registry(traced), lease=LEASE)
    if setup.break_engine:
        _break(made, setup.break_engine)
    if traces is not None:
        traces.watch(made)
    return made


def _stretch(factor: int) -> None:
    """A second of the network is `factor` seconds on the fast clock."""

    class FastQueue(JobQueue):
        def send(self, message: Message, visible_at: datetime, now: datetime | None = None) -> Sent:
            sent = now or message.sent_at
            wait = max(visible_at - sent, timedelta()) / factor
            return super().send(message, sent + wait, sent)

    second = timedelta(seconds=factor)
    patched: Any = shared.app
    patched.JobQueue = FastQueue
    for module in (worker, gang):
        patched = module
        patched._SECOND = second
    patched = worker
    patched._UNCOMMITTED, patched._FULL, patched._SOON = second * 10, second * 2, second * 3
    patched = tick
    patched.LOOK_AHEAD = second * 2.5
    patched = lost
    patched.OVERDUE = second * 2
    patched = sweep
    patched.OVERDUE, patched._PAUSE, patched._IN_LINE = second * 2, second, second * 2
    patched = claim
    patched.ON_TIME = second * 3


def _break(made: App, how: str) -> None:
    """Break the engine on purpose: what must the soak find?"""
    from dataclasses import replace

    table: Any = made.table
    commit = table.commit
    if how == "etag":  # whoever writes a schedule's row wins

        def careless(changes: Sequence[Change]) -> list[bool]:
            some = [
                replace(one, before=one.before and replace(one.before, etag="*")) for one in changes
            ]
            return list(commit(some))

        table.commit = careless
    elif how == "forget":  # one commit in thirty is said to be made and is not
        counted = iter(range(10**9))
        table.commit = lambda changes: (
            [True] * len(changes) if next(counted) % 30 == 29 else commit(changes)
        )
    else:
        raise ValueError(how)


def chance(job: JobContext, what: str) -> float:
    """From 0 to 1: the same for the same attempt of the same job."""
    digest = hashlib.sha256(f"{what}:{job.job_id}:{job.attempt}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def registry(traces: Traces) -> Registry:
    """Tasks that leave traces. Times are the fast clock's."""

    def traced(work: Callable[[JobContext], None]) -> Callable[[JobContext, Params], Result]:
        def run(job: JobContext, params: Params) -> Result:
            traces.begin(job)
            try:
                work(job)
                return {}
            finally:
                traces.write("end", job.job_id, job.attempt)

        return run

    def pause(job: JobContext, seconds: float, heed: bool = True) -> None:
        job.clock.wait(job.stop if heed else threading.Event(), timedelta(seconds=seconds))

    def quick(job: JobContext) -> None:
        traces.effect(job)

    def flaky(job: JobContext) -> None:
        pause(job, 20 * chance(job, "time"))
        if chance(job, "fail") < 0.4:
            raise OSError("not this time")
        traces.effect(job)

    def slow(job: JobContext) -> None:
        for _ in range(10):
            pause(job, 90 * chance(job, "time"))
            job.check()
            job.progress(0.5)
        traces.effect(job)

    def hangs(job: JobContext) -> None:
        if chance(job, "hang") < 0.3:
            pause(job, 1200, heed=False)
        traces.effect(job)

    def heeds(job: JobContext) -> None:
        pause(job, 400)
        job.check()
        traces.effect(job)

    async def coroutine(job: JobContext, params: Params) -> Result:
        traces.begin(job)
        try:
            await asyncio.sleep(300 * chance(job, "time") / _factor(job))
            traces.effect(job)
        finally:
            traces.write("end", job.job_id, job.attempt)
        return {}

    plain = {"quick": quick, "flaky": flaky, "slow": slow, "hangs": hangs, "heeds": heeds}
    made = [task(name)(traced(work)) for name, work in plain.items()]
    made.append(task("limited", max_concurrent=3)(traced(flaky)))
    made.append(task("coroutine")(coroutine))
    return Registry(made)


TASKS = ("quick", "quick", "flaky", "flaky", "slow", "hangs", "heeds", "limited", "coroutine")


def _factor(job: JobContext) -> int:
    clock = job.clock
    return clock.epoch.factor if isinstance(clock, FastClock) else 1
