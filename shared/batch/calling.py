"""The operation that calls a task for each item, as the engine calls it for a job."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from shared.batch.operations import One, hold_callable, item_job
from shared.batch.template import filled
from shared.engine.work.execute import Executor
from shared.log import JobLog, instant
from shared.tasks import JobContext, Params, Proposed, Services, Task

_logger = logging.getLogger("belfry.batch")


@dataclass(frozen=True, kw_only=True, slots=True)
class ToTask:
    """A task with parameters that are made of each item. They are checked as those of a schedule of
    the batch's project, each time. An item's task has a job id of its own."""

    executor: Executor
    services: Services
    task: Task
    template: Mapping[str, object]
    batch: str
    job: JobContext
    seconds: int
    """How long one may take."""

    @property
    def repeatable(self) -> bool:
        return self.task.repeatable

    def do(self, one: One) -> Mapping[str, object]:
        return self.executor.within(self.task, self._params(one), self._context(one), self.seconds)

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

    def _context(self, one: One) -> JobContext:
        name, clock = item_job(self.batch, one.index), self.job.clock
        ids = {"schedule_id": self.job.schedule_id, "job_id": name}
        return JobContext(
            job_id=name,
            schedule_id=self.job.schedule_id,
            schedule_name=self.job.schedule_name,
            project_id=self.job.project_id,
            due_at=self.job.due_at,
            item=one.index,
            attempt=self.job.attempt if self.repeatable else 1,
            clock=clock,
            log=JobLog(_logger, ids, lambda: instant(clock.now(), "milliseconds")),
            stop=one.stop,
        )
