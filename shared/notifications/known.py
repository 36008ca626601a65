"""Remembers notifications for which nothing is left to do, so that storage need not be asked about
them. One object per process; what it forgets is asked for again."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace

from shared.notifications.model import Entry

_MOST = 10_000


class Known:
    """The last notifications that were found to be finished."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._over: dict[str, Entry] = {}

    def get(self, digest: str) -> Entry | None:
        """The notification as it was when it was found to be finished, without its words."""
        return self._over.get(digest)

    def add(self, entries: Iterable[Entry]) -> None:
        """Remember those that are finished."""
        found = {one.digest: _short(one) for one in entries if one.next_at is None}
        with self._lock:
            self._over |= found
            for oldest in list(self._over)[:-_MOST]:
                del self._over[oldest]


def _short(entry: Entry) -> Entry:
    return replace(entry, text="", about={})
