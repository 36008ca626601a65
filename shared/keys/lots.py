"""How many requests a caller may make in a minute (`shared.access.bucket`).

The bucket is a row `spent:{hash}` beside the keys. An instance takes a lot of tokens from it, by
compare and set, and spends them itself: one request in so many reads and writes the row. Once the
bucket is empty, an instance does not ask again before there can be a token.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from shared.access.bucket import WINDOW, Bucket
from shared.clock import Clock
from shared.errors import TooMany, Unavailable
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.facts import Fact, Meta

_ROW = "spent:"
_KNOWN = 5000
"""The most callers of whom an instance knows what it may spend."""


@dataclass(slots=True)
class _Purse:
    """What this instance may spend for a caller."""

    tokens: int = 0
    shared: int = 0
    """What was left in the bucket when the last lot was taken."""
    empty_until: datetime | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Lots:
    """What callers may spend. `limit`: requests of one caller in a minute; 0 for any number."""

    def __init__(self, facts: Meta, clock: Clock, limit: int) -> None:
        self._facts = facts
        self._clock = clock
        self._limit = limit
        self._purses: OrderedDict[str, _Purse] = OrderedDict()
        self._lock = threading.Lock()

    def spend(self, caller: str) -> Mapping[str, str]:
        """Spend a token for one request of that caller; the headers that tell what is left.

        https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
        Raises `TooMany`, and `Unavailable` or `Refused` if storage fails.
        """
        if self._limit == 0:
            return {}
        purse = self._purse(caller)
        with purse.lock:
            if purse.tokens == 0:
                self._take(caller, purse)
            purse.tokens -= 1
            return self._headers(purse.tokens + purse.shared, WINDOW.total_seconds())

    def _take(self, caller: str, purse: _Purse) -> None:
        now = self._clock.now()
        if purse.empty_until is not None and now < purse.empty_until <= now + WINDOW:
            left = purse.empty_until - now
            raise self._too_many(max(1, -(-left // timedelta(seconds=1))))
        lot, bucket = self._lot(caller, now)
        if lot == 0:
            purse.empty_until = now + timedelta(seconds=bucket.wait)
            raise self._too_many(bucket.wait)
        purse.tokens, purse.shared, purse.empty_until = lot, int(bucket.tokens), None

    def _lot(self, caller: str, now: datetime) -> tuple[int, Bucket]:
        """(the tokens of a lot, what is left in the bucket)."""
        name = _ROW + hashlib.sha256(caller.encode()).hexdigest()[:32]

        def attempt() -> tuple[int, Bucket] | None:
            row = self._facts.fact(name)
            lot, left = _stored(row, self._limit, now).take()
            if lot == 0:
                return 0, left
            value = json.dumps({"tokens": left.tokens, "at": left.at.isoformat()})
            return (lot, left) if self._facts.swap(name, row, value) else None

        return compare_and_set(name, attempt, tries=50, error=partial(Unavailable, "table storage"))

    def _too_many(self, wait: int) -> TooMany:
        said = f"more than {self._limit} requests in a minute with this key; wait {wait} s"
        return TooMany(said, wait, self._headers(0, wait))

    def _headers(self, left: int, seconds: float) -> Mapping[str, str]:
        window = int(WINDOW.total_seconds())
        return {
            "ratelimit-policy": f'"key";q={self._limit};w={window}',
            "ratelimit": f'"key";r={left};t={int(seconds)}',
        }

    def _purse(self, caller: str) -> _Purse:
        with self._lock:
            found = self._purses.setdefault(caller, _Purse())
            self._purses.move_to_end(caller)
            if len(self._purses) > _KNOWN:
                self._purses.popitem(last=False)
            return found


def _stored(row: Fact | None, limit: int, now: datetime) -> Bucket:
    """The bucket in a row; a full one if there is none, or if it cannot be read."""
    if row is None:
        return Bucket.full(limit, now)
    try:
        said = json.loads(row.value)
        bucket = Bucket(limit, float(said["tokens"]), datetime.fromisoformat(said["at"]))
        return bucket.filled(limit, now)
    except (ValueError, TypeError, LookupError):
        return Bucket.full(limit, now)
