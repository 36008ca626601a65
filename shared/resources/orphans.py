"""Removes secrets that no row names: what a process left that was killed between two writes, or
that could not reach the store.

Secrets are stored before the row that names them, so young ones are left alone. The row is read
once more before its secrets go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from shared.errors import Skipped
from shared.resources.store import Store
from shared.secrets.port import Kept, SecretStore
from shared.tasks import JobContext

YOUNG = timedelta(hours=1)
"""No command takes so long."""


class Orphans:
    """The sweep. `restoring`: whether a backup of the state is being restored, which writes rows
    and secrets in any order."""

    def __init__(self, store: Store, secrets: SecretStore, restoring: Callable[[], bool]) -> None:
        self._store = store
        self._secrets = secrets
        self._restoring = restoring

    def sweep(self, job: JobContext) -> Mapping[str, object]:
        """Remove them; a dry run counts them. Raises `Skipped` while a backup is restored."""
        if self._restoring():
            raise Skipped("a backup of Belfry's state is being restored; the next run looks again")
        found = looked = 0
        for kept in self._left(job.clock.now()):
            job.check()
            looked += 1
            if self._store.ref_of(kept.owner) == kept.ref:
                continue
            found += 1
            if not job.dry_run:
                self._secrets.remove(kept.owner, kept.ref)
        job.log("secrets that nothing refers to", found=found, removed=0 if job.dry_run else found)
        return {"found": found, "looked_at": looked}

    def _left(self, now: datetime) -> Iterator[Kept]:
        """Those that no row named a moment ago, by and by."""
        named = set(self._store.named())
        for kept in self._secrets.all():
            if now - kept.at > YOUNG and (kept.owner, kept.ref) not in named:
                yield kept
