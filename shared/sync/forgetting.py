"""Removes what is kept of syncs that run no more: of schedules that are gone, and of items of
batches that were in no list for long."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta

from shared.sync.store import SyncStore
from shared.tasks import JobContext

QUIET = timedelta(days=62)
"""How long ago its last run was due: a batch may run once a month."""
_MOST = 200
"""Series that one run removes."""


class Forgetting:
    """`known`: (ids of schedules) -> those that exist."""

    def __init__(
        self, store: SyncStore, known: Callable[[Collection[str]], Collection[str]]
    ) -> None:
        self._store = store
        self._known = known

    def __call__(self, job: JobContext) -> int:
        """Remove them; how many series."""
        gone = 0
        for partition in self._store.partitions():
            job.check()
            quiet = self._store.quiet(partition, job.clock.now() - QUIET)
            plain = [one for one in quiet if "." not in one]
            known = self._known(plain) if plain else ()
            for one in quiet:
                if one not in known and gone < _MOST:
                    job.check()
                    self._store.forget(partition, one, job.check)
                    gone += 1
        return gone
