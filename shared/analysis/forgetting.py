"""Removes analyses that are too old, also those that nothing follows: an analysis removes the old
ones of its repository, and a repository may be gone, or analysed no more."""

from __future__ import annotations

from shared.analysis.model import Analysis
from shared.analysis.store import AGE, Store
from shared.errors import NotFound
from shared.resources.port import ResourceService
from shared.tasks import JobContext

_MOST = 2_000
"""Analyses that one run removes."""


class Forgetting:
    def __init__(self, store: Store, resources: ResourceService) -> None:
        self._store = store
        self._resources = resources

    def __call__(self, job: JobContext) -> int:
        """Remove them; how many. What later ones are compared with stays while its repository is
        there."""
        gone = 0
        there: dict[tuple[int | None, str], bool] = {}
        for one in self._store.old(job.clock.now() - AGE):
            job.check()
            of = one.project_id, one.repository_id
            if of not in there:
                there[of] = self._exists(one)
                if not there[of]:
                    self._store.unhold(*of)
            if there[of] and self._store.is_held(one):
                continue
            self._store.remove(one, job.check)
            gone += 1
            if gone == _MOST:
                break
        return gone

    def _exists(self, one: Analysis) -> bool:
        try:
            self._resources.repository(one.repository_id, one.project_id)
        except NotFound:
            return False
        return True
