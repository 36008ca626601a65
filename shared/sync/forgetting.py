"""Removes what is kept of syncs that run no more: of schedules that are gone, and of items of
batches that were in no list for long."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from itertools import islice

from shared.sync.store import SyncStore
from shared.tasks import JobContext

QUIET = timedelta(days=62)
"""How long ago its last run was due: a batch may run once a month."""
_MOST = 2_000
"""Series that one run removes."""
_TOGETHER = 500


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
        quiet = self._store.quiet(job.clock.now() - QUIET)
        while some := list(islice(quiet, _TOGETHER)):
            job.check()
            plain = [series for _, series in some if "." not in series]
            known = self._known(plain) if plain else ()
            for project_id, series in some:
                if series in known:
                    continue
                job.check()
                self._store.forget(project_id, series, job.check)
                gone += 1
                if gone == _MOST:
                    return gone
        return gone
