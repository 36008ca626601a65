"""One operation on many targets: a task for each, or change, enable, disable, run of schedules.

python -m functions batch operation=disable filter={"enabled": true}
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.batch.params import BatchParams
from shared.batch.port import BatchService, Change
from shared.tasks import Impact, JobContext, Proposed, Result, Retry, task


def change_of(fields: Mapping[str, object]) -> Change:
    """The change that PATCH of a schedule would make of these fields. Raises `Invalid`."""
    from shared.api.schedules.changes import change_of as read

    return read(fields)


def _check(params: BatchParams, proposed: Proposed, batches: BatchService) -> None:
    batches.hold(params, proposed, change_of)


@task(
    "batch",
    impact=Impact.B,
    check=_check,
    timeout_seconds=7200,
    retry=Retry(attempts=20, first_delay_seconds=10, max_delay_seconds=60),
    for_projects=True,
    dry_run=True,
)
def batch(job: JobContext, params: BatchParams, batches: BatchService) -> Result:
    """Does one operation to many targets, item by item; goes on where a crash ended it."""
    return batches.run(job, params, change_of)
