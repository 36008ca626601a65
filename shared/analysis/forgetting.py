"""Removes analyses that are too old, also those that nothing follows: an analysis removes the old
ones of its repository, and a repository may be gone, or analysed no more."""

from __future__ import annotations

from itertools import islice

from shared.analysis.model import Analysis
from shared.analysis.store import AGE, Store
from shared.errors import NotFound
from shared.resources.port import ResourceService
from shared.tasks import JobContext

_MOST = 500
"""Analyses that one run removes."""


class Forgetting:
    def __init__(self, store: Store, resources: ResourceService) -> None:
        self._store = store
        self._resources = resources

    def __call__(self, job: JobContext) -> int:
        """Remove them; how many. What later ones are compared with stays while its repository is
        there."""
        gone, left = 0, _MOST
        for project_id in self._store.projects():
            there: dict[str, bool] = {}
            old = self._store.all(project_id, until=job.clock.now() - AGE)
            for one in list(islice(old, left)):
                job.check()
                if one.repository_id not in there:
                    there[one.repository_id] = self._exists(one)
                    if not there[one.repository_id]:
                        self._store.unhold(project_id, one.repository_id)
                if there[one.repository_id] and self._store.is_held(one):
                    continue
                self._store.remove(one, job.check)
                gone += 1
            left = _MOST - gone
        return gone

    def _exists(self, one: Analysis) -> bool:
        try:
            self._resources.repository(one.repository_id, one.project_id)
        except NotFound:
            return False
        return True
