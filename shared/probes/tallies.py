"""How often a check found its target up, slow and down in a span of time, and how long the answers
took. Pure; tallies of spans add up."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from shared.probes.model import Measured, Standing
from shared.probes.sketch import Sketch


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """The sums of a span."""

    up: int = 0
    degraded: int = 0
    down: int = 0
    took: Sketch = field(default_factory=Sketch)
    """Of the answers that were up or slow."""

    @property
    def runs(self) -> int:
        return self.up + self.degraded + self.down

    @property
    def uptime(self) -> float | None:
        """In percent, rounded down to three places, so that 100 means that it was never down. A
        slow answer counts as up. None of nothing."""
        good = self.up + self.degraded
        return math.floor(100_000 * good / self.runs) / 1000 if self.runs else None

    def plus(self, one: Measured) -> Self:
        """With one more result."""
        counted = one.milliseconds is not None and one.status is not Standing.DOWN
        return type(self)(
            up=self.up + (one.status is Standing.UP),
            degraded=self.degraded + (one.status is Standing.DEGRADED),
            down=self.down + (one.status is Standing.DOWN),
            took=self.took.plus(one.milliseconds or 0.0) if counted else self.took,
        )

    def merged(self, other: Self) -> Self:
        """Both together."""
        return type(self)(
            up=self.up + other.up,
            degraded=self.degraded + other.degraded,
            down=self.down + other.down,
            took=self.took.merged(other.took),
        )

    def text(self) -> str:
        """As it is stored."""
        said = [self.up, self.degraded, self.down, dict(sorted(self.took.counts.items()))]
        return json.dumps(said, separators=(",", ":"))

    @classmethod
    def of(cls, text: str) -> Self:
        """From what is stored. Raises `ValueError`, `TypeError` or `AttributeError` for others."""
        up, degraded, down, counts = json.loads(text)
        took = Sketch({int(bucket): int(count) for bucket, count in counts.items()})
        return cls(up=int(up), degraded=int(degraded), down=int(down), took=took)


def total(some: Iterable[Tally]) -> Tally:
    """All of them together."""
    found = Tally()
    for one in some:
        found = found.merged(one)
    return found
