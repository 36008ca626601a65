"""What an outside service is told: Healthchecks' protocol.

https://healthchecks.io/docs/http_api/: a POST to the check's URL means success; `/start` and
`/fail` are added to it. `rid`, a UUID, says which start and which end belong together. The body is
kept with the signal, and shown to whoever looks at the check.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import NAMESPACE_URL, uuid5

from shared.schedules.job import Job, Status, backfill_of
from shared.schedules.model import LiveJob, Schedule
from shared.settings import Secret

_BODY = 10_000
"""The most bytes of a body; Healthchecks keeps 100 kB of one, others less."""


class Kind(StrEnum):
    """What happened."""

    START = "start"
    SUCCESS = "success"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """One message to an outside service."""

    url: Secret
    """The check's; `path` is added to it."""
    kind: Kind
    rid: str = ""
    text: str = ""
    schedule_id: str | None = None
    """Whose it is; None: Belfry's own."""
    job_id: str | None = None
    trace: str | None = None
    """The `traceparent` of what caused it."""

    @property
    def address(self) -> str:
        """The whole URL, without the query."""
        base = self.url.reveal().rstrip("/")
        return base if self.kind is Kind.SUCCESS else f"{base}/{self.kind}"

    @property
    def query(self) -> str:
        return f"rid={self.rid}" if self.rid else ""

    @property
    def body(self) -> bytes:
        """The end of the text: what went wrong stands there."""
        return self.text.encode()[-_BODY:].decode(errors="ignore").encode()


def of_start(schedule: Schedule, live: LiveJob) -> Signal | None:
    """That a job's first attempt starts; None if nobody is to be told. One that was held since, or
    given back, has begun."""
    if not _told(schedule, live.id) or live.attempt > 1 or live.first_started_at != live.started_at:
        return None
    return _signal(schedule, live, Kind.START, "")


def of_end(schedule: Schedule, job: Job) -> Signal | None:
    """How a job ended that ran; None if nobody is to be told. A run that was cancelled, or never
    began, is told by silence."""
    if not _told(schedule, job.id) or job.worker is None:
        return None
    if job.status is Status.FAILED:
        return _signal(schedule, job, Kind.FAIL, f"{job.log}\n{job.error or ''}")
    if job.status in (Status.SUCCEEDED, Status.SKIPPED):  # a task that had nothing to do has run
        return _signal(schedule, job, Kind.SUCCESS, job.log)
    return None


def _told(schedule: Schedule, job_id: str) -> bool:
    return bool(schedule.definition.heartbeat_url) and backfill_of(job_id) is None


def _signal(schedule: Schedule, job: LiveJob | Job, kind: Kind, text: str) -> Signal:
    return Signal(
        url=schedule.definition.heartbeat_url,
        kind=kind,
        rid=str(uuid5(NAMESPACE_URL, f"belfry:{job.id}")),
        text=text,
        schedule_id=schedule.id,
        job_id=job.id,
        trace=job.trace,
    )
