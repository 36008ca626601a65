"""A schedule's past, window by window, so that few rows are in memory at once. Pure.

A window begins with a day. One that had few rows makes the next one twice as long, one with many
half as long: so a schedule that runs each minute and one that runs each month both take few
requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

T = TypeVar("T")

_FIRST = timedelta(days=1)
_SHORTEST = timedelta(hours=1)
FEW, MANY = 250, 1_500


def windows(
    since: datetime, until: datetime, read: Callable[[datetime, datetime], Sequence[T]]
) -> Iterator[T]:
    """What `read` returns of each window (its first instant, the instant before which it ends), in
    the order of time. The windows join without a gap."""
    length = _FIRST
    while since < until:
        end = min(since + length, until)
        found = read(since, end)
        yield from found
        length = following(length, len(found))
        since = end


def following(length: timedelta, count: int) -> timedelta:
    """How long the next window is, after one of that length with so many rows."""
    if count < FEW:
        return length * (8 if count == 0 else 2)
    return max(length / 2, _SHORTEST) if count > MANY else length
