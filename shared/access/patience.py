"""How long an address waits that sent wrong keys: the more of them, the longer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

FREE = 5
"""Wrong keys after which an address has to wait: a person may mistype, or use an old key."""
FIRST, LONGEST = timedelta(seconds=1), timedelta(minutes=15)
FORGOTTEN = timedelta(hours=1)
"""After so long without a wrong key, an address begins anew."""
_DOUBLINGS = 20


@dataclass(frozen=True, slots=True)
class Wrong:
    """The wrong keys of an address."""

    count: int = 0
    last: datetime | None = None
    until: datetime | None = None
    """Until when its keys are not looked at."""

    def waits(self, now: datetime) -> timedelta | None:
        """How long it has to wait still; None if it has not."""
        left = None if self.until is None else self.until - now
        # a wait that is longer than any can be was written by a clock that was wrong
        return left if left is not None and timedelta() < left <= LONGEST else None

    def another(self, now: datetime) -> Wrong:
        """After one more."""
        fresh = self.last is None or not timedelta() <= now - self.last < FORGOTTEN
        count = 1 if fresh else self.count + 1
        found = replace(self, count=min(count, 2**31 - 1), last=now, until=None)
        if count < FREE:
            return found
        pause = FIRST * 2 ** min(count - FREE, _DOUBLINGS)
        return replace(found, until=now + min(pause, LONGEST))
