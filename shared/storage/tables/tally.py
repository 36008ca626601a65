"""Counts what must cost little to count, such as forged requests.

The counts are facts, each named by a prefix and what is counted. A process writes at most every ten
seconds, however much comes; what it has not written when it ends is lost.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from shared.errors import BelfryError, Unavailable
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.facts import Meta

_EACH = timedelta(seconds=10)


def counted(facts: Meta, prefix: str) -> dict[str, int]:
    """The count of each that was counted under this prefix."""
    return {
        name.removeprefix(prefix): int(fact.value) for name, fact in facts.beginning(prefix).items()
    }


class Tally:
    """The counts of this process, as far as they are not written. `failed` is told of an error:
    storage that is away must not turn a refusal into an error, and the count is written later."""

    def __init__(self, prefix: str, failed: Callable[[BelfryError], None]) -> None:
        self._prefix = prefix
        self._failed = failed
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._written: datetime | None = None

    def add(self, what: str, facts: Meta, now: datetime) -> None:
        """Count one."""
        with self._lock:
            self._counts[what] += 1
            if self._written is not None and timedelta(0) <= now - self._written < _EACH:
                return
            self._written = now
            counts, self._counts = self._counts, Counter()
        for name, count in counts.items():
            self._write(name, count, facts)

    def _write(self, what: str, count: int, facts: Meta) -> None:
        try:
            _add(facts, self._prefix + what, count)
        except BelfryError as error:
            with self._lock:
                self._counts[what] += count
            self._failed(error)


def _add(facts: Meta, name: str, count: int) -> None:
    def attempt() -> bool | None:
        before = facts.fact(name)
        total = count + (int(before.value) if before is not None else 0)
        return facts.swap(name, before, str(total)) or None

    compare_and_set(name, attempt, error=partial(Unavailable, "table storage"))
