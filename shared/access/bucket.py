"""How many requests a caller may make: a bucket of tokens, which fills again evenly.

The bucket is shared by all instances. An instance takes tokens in lots, and spends them itself; so
an ordinary request writes nothing. What an instance has not spent is not given back, so all
instances together never let more through than the bucket gave.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=1)
"""The bucket fills in that time."""
_LOTS = 60
"""The lots in a full bucket."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A caller's tokens. `limit`: those of a full bucket, which is what it may do in a minute."""

    limit: int
    tokens: float
    at: datetime
    """When there were so many."""

    @classmethod
    def full(cls, limit: int, now: datetime) -> Bucket:
        return cls(limit, limit, now)

    def filled(self, limit: int, now: datetime) -> Bucket:
        """As it is now, if `limit` is what holds. A clock that is a little behind fills nothing;
        what one wrote that was far ahead is forgotten."""
        if self.at - now > WINDOW:
            return Bucket.full(limit, now)
        passed = max(now - self.at, timedelta())
        tokens = min(float(limit), self.tokens + limit * (passed / WINDOW))
        return Bucket(limit, tokens, max(now, self.at))

    def take(self) -> tuple[int, Bucket]:
        """(the tokens of a lot, what is left); none if less than one is there."""
        lot = min(max(1, self.limit // _LOTS), math.floor(self.tokens))
        return lot, replace(self, tokens=self.tokens - lot)

    @property
    def wait(self) -> int:
        """The whole seconds until there is a token, 1 at least."""
        missing = 1 - self.tokens
        return max(1, math.ceil(missing * WINDOW.total_seconds() / self.limit))
