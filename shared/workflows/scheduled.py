"""Starts workflows by their interval (O1).

A run is named by the slot before it. Until its own slot is written down, whoever starts the
workflow again starts the same run: another host, or the next call after a crash, though that is of
a later slot. A workflow whose last run has not ended waits for that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.access import Caller
from shared.errors import BelfryError
from shared.tasks import JobContext
from shared.workflows.saved.model import Workflow
from shared.workflows.saved.service import WorkflowBook
from shared.workflows.service import Asked, Runs

_FIRST = "first"


@dataclass(frozen=True, slots=True)
class Scheduler:
    """The scheduler (`port.WorkflowScheduler`). `asked`: what a run of a workflow is to be of."""

    book: WorkflowBook
    runs: Runs
    asked: Callable[[Workflow], Asked]

    def start_due(self, job: JobContext) -> Mapping[str, object]:
        """As `WorkflowScheduler.start_due`. Raises the first error, after the last workflow."""
        done: Counter[str] = Counter({"started": 0, "still_running": 0, "failed": 0})
        problem: BelfryError | None = None
        for workflow, slot in self.book.due(job.due_at if job.dry_run else job.clock.now()):
            job.check()
            try:
                done[self._started(workflow, slot, job)] += 1
            except BelfryError as error:  # the others are not held back
                job.log("a workflow could not be started", of=workflow.id, error=str(error))
                done["failed"] += 1
                problem = problem or error
        if problem is not None:
            raise problem
        return dict(done)

    def _started(self, workflow: Workflow, slot: datetime, job: JobContext) -> str:
        last = self.runs.store.get(workflow.last_run_id) if workflow.last_run_id else None
        if last is not None and last.is_open:
            return "still_running"
        if not job.dry_run:
            by = Caller.of_task("workflow_scheduler")
            run = self.runs.start(self.asked(workflow), {}, key=_key(workflow), by=by)
            self.book.ran(workflow, slot, run.id)
            job.log("started", workflow_id=workflow.id, run_id=run.id)
        return "started"


def _key(workflow: Workflow) -> str:
    """What names the workflow's next run: the slot of its last one."""
    when = _FIRST if workflow.last_run_at is None else workflow.last_run_at.isoformat()
    made = workflow.created_at.isoformat()
    return f"interval:{workflow.project_id}:{workflow.id}:{made}:{when}"
