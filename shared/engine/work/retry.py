"""What follows a failed attempt: a pure function of (failure, attempt, policy).

The back-off is exponential, with jitter: the delay doubles with each attempt, and is then changed
by up to 20 % either way. A hash of the job gives the change. So jobs that failed together do not
come back together, and the same decision made twice gives the same delay.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from shared.errors import BelfryError
from shared.schedules.model import Policy

_JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Again:
    """Another attempt, after `delay`."""

    delay: timedelta


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The job is a dead letter."""

    reason: str


def after(failure: BaseException, job_id: str, attempt: int, policy: Policy) -> Again | GiveUp:
    """What follows when attempt number `attempt` (1 for the first) ended in `failure`."""
    if isinstance(failure, BelfryError) and failure.permanent:
        return GiveUp("another attempt cannot help")
    if attempt >= policy.max_attempts:
        tried = policy.max_attempts
        return GiveUp(f"all {tried} attempts failed" if tried > 1 else "its only attempt failed")
    return Again(backoff(job_id, attempt, policy))


def backoff(job_id: str, attempt: int, policy: Policy) -> timedelta:
    """The wait after attempt number `attempt`."""
    first = timedelta(seconds=policy.retry_delay_seconds)
    longest = max(first, timedelta(seconds=policy.max_retry_delay_seconds))
    doubled = longest if attempt > 30 else min(first * 2 ** (attempt - 1), longest)
    return doubled * (1 + _JITTER * _spread(f"{job_id}#{attempt}"))


def _spread(text: str) -> float:
    """A number in [-1, 1) made from `text`."""
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8]) / 2**63 - 1
