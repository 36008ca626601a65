"""The operation that calls a task for each item, as the engine calls it for a job."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from shared.batch.operations import One, hold_callable, item_job
from shared.batch.template import filled
from shared.engine.work.execute import Executor
from shared.engine.work.limits import Limits
from shared.errors import Cancelled
from shared.log import JobLog, instant
from shared.tasks import JobContext, Params, Proposed, Services, Task
from shared.tasks.context import ItemOf

_logger = logging.getLogger("belfry.batch")

_AGAIN = timedelta(seconds=2)
"""After which an item asks again for a place among those of its task that run at once."""
_LEAVING = timedelta(minutes=1)
"""How much longer than its time an item holds its place, if nobody gives it back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToTask:
    """A task with parameters that are made of each item. They are checked as those of a schedule of
    the batch's project, each time. An item's task has a job id of its own."""

    executor: Executor
    limits: Limits
    services: Services
    task: Task
    template: Mapping[str, object]
    batch: str
    job: JobContext
    attempt: int
    """Counts each attempt at the batch, also those of jobs that repeat its first one."""
    seconds: int
    """How long one may take."""

    @property
    def repeatable(self) -> bool:
        return self.task.repeatable

    def do(self, one: One) -> Mapping[str, object]:
        params = self._params(one)
        with self._place(one):
            context = self._context(one, params)
            return self.executor.within(self.task, params, context, self.seconds)

    @contextmanager
    def _place(self, one: One) -> Iterator[None]:
        """Wait until no more of its task run than may, on all instances together."""
        if self.task.max_concurrent is None:
            yield
            return
        holder, clock = item_job(self.batch, one.index), self.job.clock
        one.waits(True)
        while True:
            now = clock.now()
            until = now + timedelta(seconds=self.seconds) + _LEAVING
            if one.stop.is_set():
                raise Cancelled("it was told to stop while it waited for its turn")
            if self.limits.take_of(self.task, holder, now, until):
                break
            clock.wait(one.stop, _AGAIN)
        one.waits(False)
        try:
            yield
        finally:
            self.limits.release_of(self.task, holder)

    def rehearse(self, one: One) -> Mapping[str, object]:
        params = self._params(one)
        return {"would": self.task.name, "task_parameters": params.model_dump(exclude_unset=True)}

    def _params(self, one: One) -> Params:
        hold_callable(self.task)
        made = filled(dict(self.template), one.item, "task_parameters")
        parameters: dict[str, object] = made if isinstance(made, dict) else {}
        proposed = Proposed(new=parameters.keys(), project_id=self.job.project_id)
        self.task.fits(self.services, parameters, proposed)
        return self.task.parse(parameters)

    def _context(self, one: One, params: Params) -> JobContext:
        name, clock = item_job(self.batch, one.index), self.job.clock
        ids = {"schedule_id": self.job.schedule_id, "job_id": name}
        return JobContext(
            job_id=name,
            schedule_id=self.job.schedule_id,
            schedule_name=self.job.schedule_name,
            project_id=self.job.project_id,
            due_at=self.job.due_at,
            attempt=self.attempt if self.repeatable else 1,
            item=ItemOf(one.index, _key(self.task, params)),
            clock=clock,
            log=JobLog(_logger, ids, lambda: instant(clock.now(), "milliseconds")),
            stop=one.stop,
        )


def _key(task: Task, params: Params) -> str:
    """What an item asks for, as sixteen hexadecimal digits."""
    asked = params.model_dump(mode="json", exclude_unset=True)
    said = json.dumps([task.name, asked], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]
