"""Cancels what a server does for us (waiting for a lock, a long count) when the job must stop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from shared.tasks.context import JobContext

if TYPE_CHECKING:
    import psycopg

_LOOK = 0.2
"""Seconds between two checks whether the job was told to stop."""


@contextmanager
def heeding(connection: psycopg.Connection[Any], job: JobContext) -> Iterator[None]:
    """In this block, cancel the connection's running statement when the job is told to stop."""
    from psycopg import errors

    over = threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK):
            if job.stop.is_set():
                connection.cancel_safe(timeout=_LOOK * 10)
                return

    threading.Thread(target=watch, name=f"{job.job_id} heeds", daemon=True).start()
    try:
        yield
    except errors.QueryCanceled:
        job.check()
        raise
    finally:
        over.set()
