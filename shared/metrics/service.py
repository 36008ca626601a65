"""The answer to a scrape, kept for a few seconds."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from shared.metrics import families
from shared.metrics.gathering import Sources, gathered
from shared.metrics.reading import Projects

KEPT = timedelta(seconds=5)
_MOST = 16
"""For so many different sets of projects an answer is kept."""


class Metrics:
    """The metrics. Several threads may use it at once: of those who ask for the same at one time,
    one reads, and the others wait for its answer."""

    def __init__(self, at: Sources) -> None:
        self._at = at
        self._kept: dict[Projects, tuple[datetime, bytes]] = {}
        self._lock = threading.Lock()

    def text(self, projects: Projects) -> bytes:
        """What is said to whoever sees these projects, in the format of `content_type`. Raises
        `Unavailable` or `Refused` if storage fails."""
        with self._lock:
            now = self._at.clock.now()
            known = self._kept.get(projects)
            if known is not None and timedelta() <= now - known[0] < KEPT:
                return known[1]
            made = families.text(gathered(self._at, projects))
            self._kept.pop(projects, None)
            while len(self._kept) >= _MOST:
                del self._kept[next(iter(self._kept))]
            self._kept[projects] = now, made
            return made

    @staticmethod
    def content_type() -> str:
        """Prometheus' text format, version 0.0.4."""
        return families.content_type()
