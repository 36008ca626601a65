"""The state of an endpoint, which all deliveries to one webhook share. Pure.

A breaker: after three failures in a row nothing is sent for a while, and then one delivery probes
whether the endpoint is back, on behalf of all. An endpoint that has only failed for five days is
hopeless: its webhook is disabled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.webhooks.deciding import Kind, Verdict
from shared.webhooks.model import HELD

OPENS_AFTER = 3
"""Failures in a row."""
HOPELESS_AFTER = timedelta(days=5)
HOPELESS_FAILURES = 5
SLOW_AFTER = timedelta(seconds=3)
"""An endpoint that takes longer to answer is slow."""
_PAUSE, _LONGEST = timedelta(minutes=1), timedelta(hours=1)


class Pace(StrEnum):
    """How fast an endpoint answers, by its last answer."""

    NEW = "new"
    """Nobody knows, or it failed: one request at a time."""
    FAST = "fast"
    SLOW = "slow"


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """The state of one endpoint."""

    pace: Pace = Pace.NEW
    failures: int = 0
    """In a row."""
    failing_since: datetime | None = None
    open_until: datetime | None = None
    """Set while the breaker is open: nothing is sent before, and then one probe."""
    openings: int = 0
    """How often in a row the breaker was opened."""
    probe: str = ""
    """Who probes it."""
    probe_until: datetime | None = None
    error: str = ""
    """The last failure."""
    asked: int = 0
    """What people asked for by hand (`by_hand`) in the hour `asked_in`."""
    asked_in: datetime | None = None
    etag: str = ""


def waits_until(endpoint: Endpoint, now: datetime) -> datetime | None:
    """Until when nothing may be sent to it; None: something may be, perhaps only a probe."""
    until = max((one for one in (endpoint.open_until, endpoint.probe_until) if one), default=None)
    return until if until is not None and now < until else None


def needs_probe(endpoint: Endpoint) -> bool:
    """Whether what is sent next is a probe."""
    return endpoint.open_until is not None


def probed(endpoint: Endpoint, holder: str, now: datetime) -> Endpoint:
    """That sender probes it."""
    return replace(endpoint, probe=holder, probe_until=now + HELD)


def unprobed(endpoint: Endpoint) -> Endpoint:
    """The probe was not sent."""
    return replace(endpoint, probe="", probe_until=None)


def after(endpoint: Endpoint, verdict: Verdict, took: timedelta, now: datetime) -> Endpoint:
    """Its state after an attempt."""
    delivered = verdict.kind is Kind.DELIVERED
    slow = verdict.slow or took > SLOW_AFTER
    pace = Pace.SLOW if slow else Pace.FAST if delivered else Pace.NEW
    if delivered:
        return _anew(endpoint, pace=pace)
    failed = replace(
        endpoint,
        pace=pace,
        failures=endpoint.failures + 1,
        failing_since=endpoint.failing_since or now,
        probe="",
        probe_until=None,
        error=verdict.error,
    )
    if not verdict.away:  # it answers, though it did not want this delivery
        return replace(failed, open_until=None, openings=0)
    enough = failed.failures >= OPENS_AFTER or needs_probe(endpoint)
    if not enough and verdict.pause is None:
        return failed
    doubled = _PAUSE * 2 ** min(endpoint.openings, 10)
    pause = max(min(doubled, _LONGEST), verdict.pause or timedelta(0))
    return replace(failed, open_until=now + pause, openings=endpoint.openings + 1)


def is_hopeless(endpoint: Endpoint, now: datetime) -> bool:
    """Whether its webhook is to be disabled."""
    since = endpoint.failing_since
    return (
        since is not None
        and now - since >= HOPELESS_AFTER
        and endpoint.failures >= HOPELESS_FAILURES
    )


def after_disabling(endpoint: Endpoint, now: datetime) -> Endpoint:
    """When a person enables its webhook, one probe goes first, and five days begin anew."""
    return replace(_anew(endpoint, pace=endpoint.pace), open_until=now, error=endpoint.error)


def _anew(endpoint: Endpoint, pace: Pace) -> Endpoint:
    """One that nothing bad is known of."""
    return Endpoint(pace=pace, asked=endpoint.asked, asked_in=endpoint.asked_in, etag=endpoint.etag)
