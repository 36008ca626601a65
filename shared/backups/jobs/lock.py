"""Only one backup of a database runs at a time, on all instances together (R2).

A lock in storage (`tables.locks`) says which job backs up the database. The job renews its hold. If
its process is killed, the hold ends: for another job after `_LENGTH`, and for a later attempt of
the same job after `_SILENCE`. (The engine starts a later attempt only if it takes the earlier one
for dead, or has told it to stop.) A waiting job also measures, by its own clock, how long the hold
stays unchanged. So a hold ends even if a wrong clock wrote its time.

A process that was only suspended may lose its hold without knowing. `Hold.confirm` finds out before
the process reports its backup as proved: only the new holder may report.

A job that is told to stop does not wait for answers. It abandons a request in flight; if that
request still writes a hold, the hold expires.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TypeVar

from shared.backups.source import Source
from shared.clock import Clock
from shared.errors import BelfryError, Unavailable
from shared.storage.tables.locks import Held, Locks
from shared.tasks.context import JobContext
from shared.threads import start

T = TypeVar("T")

_LENGTH = timedelta(seconds=90)
_SILENCE = timedelta(seconds=20)
_RENEWED = 5.0
"""Seconds between two renewals, by the monotonic clock."""
_LOOK = timedelta(seconds=2)
_STOP = 0.5
"""Seconds between two checks whether the job was told to stop."""
_LETTING_GO = 5.0
"""The longest time that a job waits for storage when it releases a hold, in seconds."""


class Hold:
    """One job's hold on a database."""

    def __init__(self, locks: Locks, name: str, job: JobContext) -> None:
        self._locks = locks
        self._name = name
        self._job = job
        # An attempt may run twice, if the record that it began is lost.
        self._holder = f"{job.job_id}/{job.attempt}-{secrets.token_hex(4)}"
        self._renewing = threading.Lock()
        self.used_at: datetime | None = None
        """When the lock was last written before `take`, by the storage's clock; None: never."""
        self._watched: tuple[str, float] | None = None
        """The ETag of the row with another job's hold, and when it was first seen (monotonic)."""

    def take(self) -> bool:
        """Try to take the lock; whether that succeeded."""
        found = self._locks.read(self._name)
        self.used_at = None if found.row is None else found.row.at
        if not all(self._over(who, until, found) for who, until in found.holders.items()):
            return False
        return self._locks.write(self._name, found, {self._holder: self._until()})

    def confirm(self) -> None:
        """Raises `Unavailable` if another job has taken the lock meanwhile, even if it has released
        it again; `Cancelled` as soon as the job is told to stop."""
        _meanwhile(self.renew, self._job.check, f"confirm {self._name}")

    def renew(self) -> None:
        """Extend the hold. Raises `Unavailable` as `confirm` does."""
        with self._renewing:
            if not self._locks.renew(self._name, self._holder, self._until()):
                text = "another took its turn, since this process was silent for too long"
                raise Unavailable(f"backup of job {self._job.job_id}", text)

    def release(self) -> None:
        """Release the hold; harmless if it is not held."""
        with self._renewing:
            self._locks.release(self._name, self._holder)

    def _until(self) -> datetime:
        return self._job.clock.now() + _LENGTH

    def _over(self, holder: str, until: datetime, found: Held) -> bool:
        """Whether a hold has ended, or is this job's own."""
        if holder == self._holder:
            return True
        mine = holder.rpartition("/")[0] == self._job.job_id
        length = _SILENCE if mine else _LENGTH
        if self._job.clock.now() >= until - _LENGTH + length:
            return True
        etag, now = found.row.etag if found.row is not None else "", self._job.clock.monotonic()
        if self._watched is None or self._watched[0] != etag:
            self._watched = etag, now
        return now - self._watched[1] >= length.total_seconds()


class Alone:
    """Gives each database to one job at a time."""

    def __init__(self, locks: Locks) -> None:
        self._locks = locks

    @contextmanager
    def of(self, source: Source, job: JobContext) -> Iterator[Hold]:
        """Hold the database while the block runs; if another job holds it, wait for that job first.
        Raises `Cancelled`."""
        name = f"backup:{sha256(f'{source.name}/{source.database}'.encode()).hexdigest()[:16]}"
        hold = Hold(self._locks, name, job)
        told = False
        while not _meanwhile(hold.take, job.check, f"take {name}"):
            if not told:
                job.log("another backup of it is under way; waiting", database=source.database)
                told = True
            job.clock.wait(job.stop, _LOOK)
            job.check()
        over = threading.Event()
        renew = threading.Thread(target=_renew, args=(hold, over), name=f"hold {name}", daemon=True)
        try:
            renew.start()
            yield hold
        finally:
            over.set()
            with suppress(BelfryError):  # the hold expires by itself
                _meanwhile(hold.release, _patience(job.clock, _LETTING_GO), f"release {name}")


def _meanwhile(call: Callable[[], T], look: Callable[[], None], name: str) -> T:
    """Run `call` in a thread of its own, and return its result. If `look` raises meanwhile, the
    thread is abandoned. If no thread can be started, `call` runs in the caller's thread."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # `future.result()` raises it
            future.set_exception(error)

    if not start(run, name):
        look()
        run()
    while not wait([future], timeout=_STOP).done:
        look()
    return future.result()


def _patience(clock: Clock, seconds: float) -> Callable[[], None]:
    """A check that raises `Unavailable` once that many seconds have passed."""
    until = clock.monotonic() + seconds

    def look() -> None:
        if clock.monotonic() >= until:
            raise Unavailable("table storage", "it does not hear that a database is free")

    return look


def _renew(hold: Hold, over: threading.Event) -> None:
    while not over.wait(_RENEWED):
        with suppress(BelfryError):  # renewed again soon; if the hold is lost, confirm() raises
            hold.renew()
