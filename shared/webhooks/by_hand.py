"""How often people may ask something of a webhook by hand: a test, or a delivery again. Pure.

What a schedule delivers is bounded by the schedule. Without a bound here, one key could make Belfry
send to its webhook as fast as it can ask.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.webhooks.endpoint import Endpoint

MOST = 1_000
"""Tests and deliveries by hand of one webhook, in an hour of the clock (UTC)."""
_HOUR = timedelta(hours=1)


def left(endpoint: Endpoint, now: datetime) -> int:
    """How many more there may be in this hour."""
    return MOST - (endpoint.asked if endpoint.asked_in == _hour(now) else 0)


def taken(endpoint: Endpoint, count: int, now: datetime) -> Endpoint:
    """After so many more; at most `left`."""
    return replace(endpoint, asked=MOST - left(endpoint, now) + count, asked_in=_hour(now))


def next_hour(now: datetime) -> datetime:
    """When there may be as many again."""
    return _hour(now) + _HOUR


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
