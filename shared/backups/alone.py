"""No two backups of one database at once (R2), on all instances together.

A hold in storage, renewed while the backup goes on; that of a killed process ends by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from hashlib import sha256

from shared.backups.source import Source
from shared.errors import BelfryError
from shared.storage.meta import Meta
from shared.tasks.context import JobContext

_LENGTH = timedelta(seconds=90)
_RENEWED = 20.0
"""Seconds, of real time."""
_LOOK = timedelta(seconds=2)


class Alone:
    """Holds on databases."""

    def __init__(self, meta: Meta) -> None:
        self._meta = meta

    @contextmanager
    def of(self, source: Source, job: JobContext) -> Iterator[None]:
        """Hold that database; waits for another job that does. Raises `Cancelled`."""
        name = f"backup:{sha256(f'{source.name}/{source.database}'.encode()).hexdigest()[:16]}"
        holder = f"{job.job_id}/{job.attempt}"
        told = False
        while not self._hold(name, holder, job):
            if not told:
                job.log("another backup of it is under way; waiting", database=source.database)
                told = True
            job.clock.wait(job.stop, _LOOK)
            job.check()
        over = threading.Event()
        threading.Thread(
            target=self._renew, args=(name, holder, job, over), name=f"hold {name}", daemon=True
        ).start()
        try:
            yield
        finally:
            over.set()
            with suppress(BelfryError):  # it ends by itself
                self._meta.release(name, holder)

    def _renew(self, name: str, holder: str, job: JobContext, over: threading.Event) -> None:
        while not over.wait(_RENEWED):
            with suppress(BelfryError):  # tried again before it ends
                self._hold(name, holder, job)

    def _hold(self, name: str, holder: str, job: JobContext) -> bool:
        now = job.clock.now()
        return self._meta.hold(name, holder, now, now + _LENGTH)
