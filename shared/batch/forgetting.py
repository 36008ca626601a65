"""Removes batches and files of items whose time is over, of all projects. A batch removes those of
its own project as it begins; this is for projects that run none any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

from shared.batch import files
from shared.batch.store import Store
from shared.tasks import JobContext

KEPT = timedelta(days=30)
"""From when a batch's items are written down."""
_NEVER_LISTED = timedelta(days=60)
"""Then one whose items were never written down is gone too: its job ended long ago."""
_MOST = 500
"""Batches that one run removes."""


class Forgetting:
    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, job: JobContext) -> int:
        """Remove them; how many batches and files."""
        now, gone = job.clock.now(), 0
        for project_id, batch_id in islice(self._over(job), _MOST):
            job.check()
            self._store.remove(project_id, batch_id)
            gone += 1
        for one in self._store.all_files():
            if now - one.created_at > files.KEPT:
                job.check()
                self._store.remove_file(one)
                gone += 1
        return gone

    def _over(self, job: JobContext) -> Iterator[tuple[int | None, str]]:
        now = job.clock.now()
        for project_id in self._store.projects():
            job.check()
            for head in self._store.heads_due_before(project_id, now - KEPT):
                if head.created_at < now - KEPT:
                    yield project_id, head.id
            for batch_id in self._store.unlisted(project_id, now - _NEVER_LISTED):
                yield project_id, batch_id
