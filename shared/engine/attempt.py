"""One attempt of a job: its task in a thread of its own, which ends, or is asked to."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable
from datetime import timedelta

from shared.errors import BelfryError, TimedOut
from shared.log import JobLog, redact
from shared.schedules.model import LiveJob, Schedule
from shared.tasks import Result

_logger = logging.getLogger("belfry.worker")


class Attempt(threading.Thread):
    """A task running in a thread of its own. Python cannot end a thread: `stop` asks it to."""

    def __init__(
        self,
        execute: Callable[[Schedule, LiveJob, JobLog, threading.Event], Result],
        schedule: Schedule,
        live: LiveJob,
        log: JobLog,
    ) -> None:
        super().__init__(name=live.id, daemon=True)
        self.schedule = schedule
        self.live = live
        self.stop = threading.Event()
        self.done = threading.Event()
        self.result: Result | None = None
        self.failure: BaseException | None = None
        self._execute = execute
        self._log = log

    def run(self) -> None:
        result: Result | None = None
        failure: BaseException | None = None
        try:
            result = self._execute(self.schedule, self.live, self._log, self.stop)
        except BaseException as error:  # whatever a task raises is its job's outcome
            failure = error
            if not isinstance(error, BelfryError):
                trace = redact("".join(traceback.format_exception(error)))
                _logger.error("unexpected failure in %s\n%s", self.live.id, trace)
        if not self.done.is_set():
            self.result, self.failure = result, failure
            self.done.set()

    def time_out(self, limit: timedelta) -> None:
        """Ask the task to stop, and count it as failed whatever it does."""
        self.failure = TimedOut(f"it ran longer than its timeout of {limit.total_seconds():.0f} s")
        self.done.set()
        self.stop.set()
