"""How late the runs of a week began: what two reports counted, one taken from the other. Pure.

The counts only ever grow, so that no row is read again. They are in buckets: a percentile is linear
within its bucket, as Prometheus' `histogram_quantile` is; the most is the upper bound of the last
bucket that has a run, and above the last bound it is that bound.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.jobs.totals import LATE
from shared.weekly.figures import Values


def between(before: Sequence[int] | None, after: Sequence[int]) -> list[int] | None:
    """How many runs came to each bucket; None if nobody counted before, with these buckets."""
    if before is None or len(before) != len(after):
        return None
    return [max(0, now - then) for then, now in zip(before, after, strict=True)]


def values(counts: Sequence[int] | None) -> Values:
    """The figures; none if the counts are not known."""
    if counts is None:
        return {}
    whole = sum(counts)
    return {
        "lateness.counted": whole,
        "lateness.p50": quantile(counts, 0.5) if whole else None,
        "lateness.p95": quantile(counts, 0.95) if whole else None,
        "lateness.max": most(counts) if whole else None,
    }


def quantile(counts: Sequence[int], share: float) -> float:
    """What that share of the runs does not exceed, in seconds."""
    wanted, below = share * sum(counts), 0
    for number, (bound, count) in enumerate(zip(LATE, counts, strict=False)):
        if count and below + count >= wanted:
            floor = LATE[number - 1] if number else 0.0
            return round(floor + (bound - floor) * (wanted - below) / count, 2)
        below += count
    return float(LATE[-1])


def most(counts: Sequence[int]) -> float:
    last = max(number for number, count in enumerate(counts) if count)
    return float(LATE[min(last, len(LATE) - 1)])
