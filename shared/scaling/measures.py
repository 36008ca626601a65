"""What is measured: requests by minute, how long they took, what waits in the queues.

A minute's figures come from many processes, so latencies are kept as counts in fixed buckets, which
add up. Each figure is the median of the last minutes, so that one minute that is unlike the others
decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low

from shared.jobs.totals import Histogram

BOUNDS = tuple(round(0.001 * 2 ** (step / 2), 6) for step in range(35))
"""The upper bounds of the buckets in seconds, from 1 ms to 131 s; each is 1.4 times the last."""
MINUTES = 5
"""So many whole minutes are judged."""
ENOUGH = 20
"""With fewer requests in a minute, its 95th percentile is one slow request, such as a cold
start."""
_SLOWEST = 0.95
_NONE = Histogram.of(BOUNDS)


@dataclass(frozen=True, slots=True)
class Minute:
    """What all processes answered in a minute."""

    requests: int = 0
    latency: Histogram = _NONE

    def with_request(self, seconds: float) -> Minute:
        """With one more request, which took so long."""
        return Minute(self.requests + 1, self.latency.with_value(BOUNDS, seconds))

    def with_all(self, other: Minute) -> Minute:
        """Both together."""
        return Minute(self.requests + other.requests, self.latency.with_all(other.latency))


@dataclass(frozen=True, kw_only=True, slots=True)
class Measures:
    """What is judged."""

    requests: tuple[int, ...]
    """In each of the minutes, the oldest first."""
    p95_seconds: float | None
    """How long all but 5 % of a minute's requests took at most; None if there are too few."""
    queue_wait_seconds: float
    """How long the message that has waited longest has been due."""
    queue_messages: int
    """How many messages are due, of at most 32 that are looked at in each job queue."""

    @property
    def requests_per_minute(self) -> int:
        """In the median minute."""
        return median_low(self.requests) if self.requests else 0


def measured(minutes: Sequence[Minute], wait_seconds: float, messages: int) -> Measures:
    """The measures of these minutes, the oldest first."""
    slow = [found for one in minutes if (found := _p95(one)) is not None]
    return Measures(
        requests=tuple(one.requests for one in minutes),
        p95_seconds=median_low(slow) if len(slow) > len(minutes) // 2 else None,
        queue_wait_seconds=max(0.0, wait_seconds),
        queue_messages=messages,
    )


def _p95(minute: Minute) -> float | None:
    if minute.requests < ENOUGH:
        return None
    return round(quantile(minute.latency, _SLOWEST), 3)


def quantile(latency: Histogram, share: float) -> float:
    """The value that a share of all values does not exceed, in seconds: linear within its bucket,
    as Prometheus' `histogram_quantile`; above the last bound it is that bound. 0 without values."""
    wanted = share * sum(latency.counts)
    below = 0
    for number, count in enumerate(latency.counts[: len(BOUNDS)]):
        if count and below + count >= wanted:
            floor = BOUNDS[number - 1] if number else 0.0
            return floor + (BOUNDS[number] - floor) * (wanted - below) / count
        below += count
    return BOUNDS[-1] if below < sum(latency.counts) else 0.0
