"""Waits for a time: what a step `wait` of a workflow calls (O1).

The end is counted from when the job was due, never from now, so that a job that is tried again, or
taken over by another host, waits no longer than was asked for. While it waits it holds nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from shared.errors import Held, Invalid
from shared.log import instant
from shared.tasks import JobContext, Result, task
from shared.tasks.customers import CustomerParams

LONGEST = timedelta(days=400)
"""The longest wait."""


class Wait(CustomerParams):
    """How long, or until when."""

    seconds: Annotated[float, Field(ge=0, le=LONGEST.total_seconds())] | None = Field(
        default=None, examples=[259200]
    )
    """From when the step became ready: its job's due time."""
    until: AwareDatetime | None = None
    """The instant, with its offset; one in the past does not wait."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.seconds is None) is (self.until is None):
            raise ValueError("seconds: give either `seconds` or `until`")
        return self


def end_of(params: Wait, due_at: datetime) -> datetime:
    """When the wait is over. Raises `Invalid` if that is too far away."""
    if params.seconds is not None:
        return due_at + timedelta(seconds=params.seconds)
    if params.until is None:
        raise ValueError("its model holds one of them")
    if params.until > due_at + LONGEST:
        raise Invalid("until", f"it is more than {LONGEST.days} days away")
    return params.until


@task("workflow_wait", timeout_seconds=60, for_projects=True, repeatable=True)
def workflow_wait(job: JobContext, params: Wait) -> Result:
    """Waits for a time, or until an instant, and holds nothing while it waits."""
    end = end_of(params, job.due_at)
    if job.clock.now() < end:
        raise Held(end, f"it waits until {instant(end)}")
    return {"waited_until": instant(end)}
