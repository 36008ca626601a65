"""How long answers took: a histogram that can be merged and asked for percentiles. Pure.

Bucket `n` holds what took up to `1.1 ** n` milliseconds, and more than bucket `n - 1`. So each
percentile is within 5 % of the true one, however many sketches were merged, and a sketch is never
larger than `LAST` buckets (DDSketch, https://arxiv.org/abs/1908.10693).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

_GAMMA = 1.1
LAST = 140
"""The last bucket, which also holds what took longer: ten minutes."""


def _bucket(milliseconds: float) -> int:
    if milliseconds <= 1:
        return 0
    return min(LAST, math.ceil(math.log(milliseconds) / math.log(_GAMMA)))


def _middle(bucket: int) -> float:
    """What is nearest to all that the bucket holds, by ratio."""
    return 1.0 if bucket == 0 else 2 * _GAMMA**bucket / (_GAMMA + 1)


@dataclass(frozen=True, slots=True)
class Sketch:
    """How many there are in each bucket that has any."""

    counts: Mapping[int, int] = field(default_factory=dict)

    def plus(self, milliseconds: float) -> Self:
        """With one more."""
        bucket = _bucket(milliseconds)
        return type(self)({**self.counts, bucket: self.counts.get(bucket, 0) + 1})

    def merged(self, other: Self) -> Self:
        """Both together."""
        both = set(self.counts) | set(other.counts)
        return type(self)({n: self.counts.get(n, 0) + other.counts.get(n, 0) for n in both})

    @property
    def size(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    def percentile(self, percent: float) -> float | None:
        """The least that `percent` of them did not exceed, in milliseconds; None of nothing."""
        rank, seen = math.ceil(self.size * percent / 100), 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= max(rank, 1):
                return round(_middle(bucket), 1)
        return None
