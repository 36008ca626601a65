"""What follows an attempt that is over: a pure function of (attempt, now)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.engine.work import retry
from shared.engine.work.attempt import Attempt, Stop
from shared.engine.work.failures import describe
from shared.errors import Cancelled, Held, Skipped
from shared.log import short
from shared.schedules.job import Job, Status
from shared.schedules.model import LiveJob
from shared.schedules.record import of_live
from shared.threads import was_refused

_FARTHEST = timedelta(days=3660)
"""A job that is held until later asks again then: no instant near the end of time is stored."""
_WORDS = 500
"""Of what a held job waits for, in units of UTF-16: it stands in its schedule's row."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The job is over."""

    job: Job


@dataclass(frozen=True, slots=True)
class Again:
    """The job goes back, for another attempt."""

    live: LiveJob
    delay: timedelta
    given_back: bool = False
    """Whether the instance is shutting down, so that the attempt does not count."""
    held: bool = False
    """Whether its task cannot go on yet: the attempt does not count, and the job can be woken."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Another worker has the job, so this worker's outcome does not count."""


Outcome = Ended | Again | Gone


def outcome(attempt: Attempt, now: datetime) -> Outcome:
    """What follows. A task that returned has succeeded, even if it had been told to stop."""
    spent = attempt.live.spent + attempt.meter.spent
    live, failure = replace(attempt.live, spent=spent), attempt.failure
    if attempt.asked is Stop.LOST:
        return Gone()
    if failure is None:
        return Ended(replace(_record(attempt, Status.SUCCEEDED, now), result=attempt.result))
    if isinstance(failure, Skipped):
        skipped = _record(attempt, Status.SKIPPED, now)
        return Ended(replace(skipped, result=failure.result, reason=describe(failure)))
    if attempt.asked is Stop.CANCEL:
        return Ended(replace(_record(attempt, Status.CANCELLED, now), reason=live.cancel))
    if isinstance(failure, Held):
        until = min(failure.until, now + _FARTHEST)
        back = replace(_waiting(live, until, live.error), held=short(str(failure), _WORDS))
        delay = max(until - now, timedelta())
        return Again(replace(back, attempt=live.attempt - 1), delay, held=True)
    if attempt.asked is Stop.DRAIN and (isinstance(failure, Cancelled) or was_refused(failure)):
        back = _waiting(live, now, live.error)
        return Again(replace(back, attempt=live.attempt - 1), timedelta(), given_back=True)
    error = describe(failure)
    verdict = retry.after(failure, live.id, live.attempt, attempt.schedule.policy)
    if isinstance(verdict, retry.Again):
        return Again(_waiting(live, now + verdict.delay, error), verdict.delay)
    failed = _record(attempt, Status.FAILED, now)
    return Ended(replace(failed, error=error, reason=verdict.reason))


def _record(attempt: Attempt, status: Status, now: datetime) -> Job:
    return replace(
        of_live(attempt.schedule, attempt.live),
        status=status,
        finished_at=now,
        error=None,
        reason=None,
        held=None,
        log=attempt.log.text(),
        spent=attempt.live.spent + attempt.meter.spent,
    )


def _waiting(live: LiveJob, until: datetime, error: str | None) -> LiveJob:
    return replace(live, worker=None, lease_until=None, available_at=until, error=error)
