"""Looks up on whose behalf a job of a schedule runs (`asked`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from shared.approvals.asked import asked_for
from shared.approvals.model import Asked
from shared.audit.entry import Entry
from shared.errors import NotFound
from shared.schedules.job import parse_id


@dataclass(frozen=True, slots=True)
class Behind:
    """What the audit knows of it. Raises `Unavailable` or `Refused` if storage fails."""

    entries_of: Callable[[str], Iterable[Entry]]
    """What it has of a schedule, the newest first."""

    def __call__(self, job_id: str) -> Asked:
        """Who asked for that job; with the persons behind a batch that did so."""
        found = self._asked(job_id)
        return replace(found, persons=found.persons.union(*map(self._batch, found.via)))

    def persons(self, job_id: str) -> frozenset[str]:
        """All of them."""
        return self(job_id).persons

    def _batch(self, batch: str) -> frozenset[str]:
        try:
            return self._asked(batch).persons
        except NotFound:  # a key that is called so
            return frozenset()

    def _asked(self, job_id: str) -> Asked:
        return asked_for(job_id, self.entries_of(parse_id(job_id)[0]))
