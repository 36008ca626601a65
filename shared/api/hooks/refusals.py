"""How many requests to the hooks were refused, because no provider had signed them.

The counts are facts in storage, which `/status` shows. A process writes at most every ten seconds,
however many forged requests come; what it has not written when it ends is lost.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from datetime import datetime, timedelta
from functools import partial

from shared.errors import BelfryError, Unavailable
from shared.log import Event, event
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.facts import Meta

_logger = logging.getLogger("belfry.hooks")

_NAME = "hooks.refused:"
_EACH = timedelta(seconds=10)


def refused(meta: Meta) -> dict[str, int]:
    """The count of each provider."""
    return {
        name.removeprefix(_NAME): int(fact.value) for name, fact in meta.beginning(_NAME).items()
    }


class Refusals:
    """The refusals of this process, as far as they are not written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._written: datetime | None = None

    def add(self, provider: str, reason: str, meta: Meta, now: datetime) -> None:
        """Count one, and log it."""
        event(_logger, Event.HOOK_REFUSED, level=logging.WARNING, provider=provider, reason=reason)
        with self._lock:
            self._counts[provider] += 1
            if self._written is not None and timedelta(0) <= now - self._written < _EACH:
                return
            self._written = now
            counts, self._counts = self._counts, Counter()
        self._write(counts, meta)

    def _write(self, counts: Counter[str], meta: Meta) -> None:
        """Storage that is away must not turn a refusal into an error: it is written later."""
        for provider, count in counts.items():
            try:
                _add(meta, _NAME + provider, count)
            except BelfryError as error:
                with self._lock:
                    self._counts[provider] += count
                said = str(error)
                event(_logger, Event.HOOK_REFUSED, level=logging.WARNING, uncounted=said)


def _add(meta: Meta, name: str, count: int) -> None:
    def attempt() -> bool | None:
        before = meta.fact(name)
        total = count + (int(before.value) if before is not None else 0)
        return meta.swap(name, before, str(total)) or None

    compare_and_set(name, attempt, error=partial(Unavailable, "table storage"))
