"""The span of an attempt: a part of what caused its job (docs/tracing.md)."""

from __future__ import annotations

from shared import tracing
from shared.engine.work.failures import describe
from shared.schedules.model import LiveJob, Schedule
from shared.schedules.spent import Spent

FAILED = "failed"


def begin(schedule: Schedule, live: LiveJob) -> tracing.Span:
    """The span of the attempt that begins."""
    task = schedule.definition.task_type
    with tracing.continued(live.trace):
        return tracing.begin(
            task,
            tracing.Kind.CONSUMER,
            schedule_id=schedule.id,
            job_id=live.id,
            task=task,
            attempt=live.attempt,
            taken_over=live.taken_over or None,
        )


def end(span: tracing.Span, status: str, failure: BaseException | None, spent: Spent) -> None:
    """End it, with how the attempt ended and what it used. Requests to storage have no spans of
    their own: they are many, and their number says enough."""
    span.set(
        {
            "status": status,
            "table_requests": spent.table_requests,
            "blob_requests": spent.blob_requests,
            "transfer_bytes": spent.transfer_bytes,
        }
    )
    if failure is not None and status == FAILED:
        span.fail(type(failure).__name__, describe(failure))
    span.end()
