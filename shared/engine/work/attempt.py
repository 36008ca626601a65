"""One attempt of a job: its task runs in a thread of its own until it ends, or is asked to end.

A task may be a plain function or a coroutine function. Python cannot end a thread. So a plain
function is asked to end by `job.stop`, and a coroutine is cancelled at its next `await`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from shared import tracing
from shared.engine.work import traced
from shared.engine.work.metering import Meter, Metering
from shared.errors import BelfryError, Cancelled, Skipped, TimedOut, Unavailable
from shared.log import JobLog
from shared.schedules.model import LiveJob, Schedule
from shared.tasks import JobProgress, Result


class Stop(StrEnum):
    """Why an attempt is asked to end."""

    TIMEOUT = "timeout"
    CANCEL = "cancel"
    DRAIN = "drain"
    LOST = "lost"
    """Another worker has the job."""


Execute = Callable[["Attempt"], "Result | Coroutine[Any, Any, Result]"]


class Keeper(Protocol):
    """What looks after an attempt: its batch."""

    def told(self) -> None:
        """The attempt is over. Called in the attempt's thread."""


class Attempt:
    """An attempt. `run` runs its task in the calling thread, and tells its keeper at the end."""

    def __init__(
        self,
        execute: Execute,
        schedule: Schedule,
        live: LiveJob,
        log: JobLog,
        began: datetime,
        keeper: Keeper,
        metering: Metering,
    ) -> None:
        self.schedule = schedule
        self.live = live
        self.log = log
        self.progress = JobProgress()
        self.meter = Meter(metering)
        self.began = began
        self.keeper = keeper
        """May change while the attempt runs."""
        self.deadline = began + timedelta(seconds=schedule.policy.timeout_seconds)
        self.stop = threading.Event()
        self.asked: Stop | None = None
        self.done = False
        self.result: Result | None = None
        self.failure: BaseException | None = None
        self._span = tracing.NOTHING
        self._over_since: datetime | None = None
        self._execute = execute
        self._lock = threading.Lock()
        self._cancel: Callable[[], object] | None = None

    def run(self) -> None:
        """Run the task to its end, unless it was asked to end before it began. Raises nothing."""
        if self.asked is not None:
            self.close_unrun()
            return
        result: Result | None = None
        failure: BaseException | None = None
        self._span = traced.begin(self.schedule, self.live)
        try:
            with tracing.continued(self._span.traceparent), self.meter.running():
                returned = self._execute(self)
                if isinstance(returned, Coroutine):
                    result = asyncio.run(self._await(returned))
                else:
                    result = returned
        except BaseException as error:  # whatever a task raises decides its job's outcome
            failure = error
            if not isinstance(error, BelfryError | asyncio.CancelledError):
                self.log.unexpected(error)
        self._close(result, failure)

    def close_unrun(self) -> None:
        """Close it without running its task: it was asked to end, or no thread can be started."""
        if self.asked is not None:
            self._close(None, Cancelled("the attempt was told to stop before it began"))
        else:
            self._close(None, Unavailable("this instance", "it can start no more threads"))

    def ask(self, why: Stop) -> None:
        """Ask the task to end."""
        with self._lock:
            self.asked = self.asked or why
            self.stop.set()
            if self._cancel is not None:
                self._cancel()

    def over_since(self, now: datetime) -> datetime:
        """When its end was first recorded. It stays the same if that has to be done again, so that
        a row whose answer was lost is recognised."""
        self._over_since = self._over_since or now
        return self._over_since

    def time_out(self) -> None:
        """Ask the task to end, and count the attempt as failed, whatever the task does then."""
        seconds = self.schedule.policy.timeout_seconds
        self._close(None, TimedOut(f"it ran longer than its timeout of {seconds} s"))
        self.ask(Stop.TIMEOUT)

    def _close(self, result: Result | None, failure: BaseException | None) -> None:
        with self._lock:
            if self.done:
                return
            if isinstance(failure, asyncio.CancelledError):
                failure = Cancelled("the attempt was told to stop")
            self.result, self.failure, self.done = result, failure, True
        # now, even if the task runs on: of one that heeds no timeout, nothing would ever show
        traced.end(self._span, _status(failure, self.asked), failure, self.meter.spent)
        self.keeper.told()

    async def _await(self, work: Coroutine[Any, Any, Result]) -> Result:
        loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
        with self._lock:
            self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
            stopped = self.asked is not None
        if stopped:
            task.cancel()
        try:
            return await task
        finally:
            with self._lock:
                self._cancel = None


def _status(failure: BaseException | None, asked: Stop | None) -> str:
    """How an attempt ended, for its span; whether another follows is decided later (`judge`)."""
    if failure is None:
        return "succeeded"
    if isinstance(failure, Skipped):
        return "skipped"
    words = {Stop.CANCEL: "cancelled", Stop.DRAIN: "given back", Stop.LOST: "lost"}
    return traced.FAILED if asked is None else words.get(asked, traced.FAILED)
