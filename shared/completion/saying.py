"""Which ends of runs are mailed, to whom, and what the mail says: pure.

A run that succeeded, failed or was missed is mailed; one that was skipped only if a budget kept it
from running, since that is news. What a person cancelled, that person knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from shared.schedules.job import RAN, Job, Status
from shared.spending.counting import REFUSES

KIND = "job_completed"
MOST_NUMBERS = 20
_DEEP = 3


def is_told(job: Job) -> bool:
    """Whether its end is mailed to those that it names."""
    ended = job.status in RAN or job.status is Status.MISSED
    refused = job.status is Status.SKIPPED and (job.reason or "").startswith(REFUSES)
    return (ended or refused) and bool(addresses(job.parameters))


def addresses(parameters: Mapping[str, object]) -> Sequence[str]:
    """Whom the parameters name; nobody, unless they ask for mails."""
    named = parameters.get("notification_emails")
    if parameters.get("notify_on_completion") is not True or not isinstance(named, list):
        return ()
    return [one for one in named if isinstance(one, str)]


def data(job: Job, timezone: str) -> Mapping[str, object]:
    """The values of the mail."""
    return {
        "schedule": job.schedule_name or job.schedule_id,
        "task": job.task_type,
        "status": job.status.value,
        "job_id": job.id,
        "due_at": job.due_at.isoformat(),
        "runs": job.count,
        "started_at": job.started_at.isoformat() if job.started_at else None,
        "seconds": job.duration_seconds,
        "attempts": job.attempt,
        "numbers": [[name, value] for name, value in _numbers(job.result or {}, "", _DEEP)][
            :MOST_NUMBERS
        ],
        "error": job.error or "",
        "reason": job.reason or "",
        "timezone": timezone,
    }


def _numbers(found: Mapping[str, object], before: str, deep: int) -> Iterator[tuple[str, str]]:
    """The numbers in a result; one inside an object is named `object.number`."""
    for name, value in found.items():
        if isinstance(value, Mapping) and deep:
            yield from _numbers(value, f"{before}{name}.", deep - 1)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{before}{name}", f"{value:,}"
