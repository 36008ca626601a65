"""No two backups of one database at once (R2), on all instances together.

A hold in storage, which says when it was last renewed. A process that was killed renews no more: to
another job its hold has ended after `_LENGTH`, to a later attempt of its own job after `_SILENCE`
(the engine began that because it took the earlier one for dead, or told it to stop). Who waits
also watches: what is renewed by a wrong clock, or was, ends all the same.

A process that was only suspended, and comes back to find its hold gone, is refused by `Hold` before
it says that its backup is proved: that is the other's to say.

A job that is told to stop waits for no answer any more: what it asked is left to itself, and
whatever that still writes ends by itself too.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TypeVar

from shared.backups.source import Source
from shared.clock import monotonic
from shared.errors import BelfryError, Unavailable
from shared.storage.tables.facts import Fact, Meta
from shared.tasks.context import JobContext
from shared.threads import start

T = TypeVar("T")

_LENGTH = timedelta(seconds=90)
_SILENCE = timedelta(seconds=20)
_RENEWED = 5.0
"""Seconds, of real time."""
_LOOK = timedelta(seconds=2)
_STOP = 0.5
"""Seconds between two looks at whether the job is told to stop."""
_LETTING_GO = 5.0
"""Seconds that who is done waits for storage to hear of it."""
_FREE = "free"


class Hold:
    """A hold on a database, as its holder has it."""

    def __init__(self, meta: Meta, name: str, job: JobContext) -> None:
        self._meta = meta
        self._name = name
        self._job = job
        # One attempt may be made twice, when the word that it was begun is lost.
        self._holder = f"{job.job_id}/{job.attempt}-{secrets.token_hex(4)}"
        self._renewing = threading.Lock()
        self.used_at: datetime | None = None
        """When anybody last held it before, by the storage's time; None if nobody has."""
        self._watched: tuple[str, float] | None = None
        """The ETag of another's hold, and when it was first seen."""

    def take(self) -> bool:
        """Whether it is held now."""
        found = self._meta.fact(self._name)
        self.used_at = found.at if found is not None else None
        return (found is None or self._over(found)) and self._write(found)

    def confirm(self) -> None:
        """Raises `Unavailable` if somebody else has it meanwhile, or had; `Cancelled` as soon as
        the job is told to stop."""
        _meanwhile(self.renew, self._job.check, f"confirm {self._name}")

    def renew(self) -> None:
        """Hold it for another while. Raises `Unavailable` as `confirm` does."""
        with self._renewing:
            found = self._meta.fact(self._name)
            if found is None or _said(found)[0] != self._holder or not self._write(found):
                text = "another took its turn, since this process was silent for too long"
                raise Unavailable(f"backup of job {self._job.job_id}", text)

    def release(self) -> None:
        """Let go; harmless if it is not held."""
        with self._renewing:
            found = self._meta.fact(self._name)
            if found is not None and _said(found)[0] == self._holder:
                self._meta.swap(self._name, found, _FREE)

    def _over(self, found: Fact) -> bool:
        """Whether a hold has ended, is one's own, or is nobody's."""
        holder, renewed = _said(found)
        if renewed is None or holder == self._holder:
            return True
        mine = holder.rpartition("/")[0] == self._job.job_id
        length = _SILENCE if mine else _LENGTH
        if self._job.clock.now() - renewed >= length:
            return True
        if self._watched is None or self._watched[0] != found.etag:
            self._watched = found.etag, monotonic()
        return monotonic() - self._watched[1] >= length.total_seconds()

    def _write(self, found: Fact | None) -> bool:
        said = {"holder": self._holder, "renewed": self._job.clock.now().isoformat()}
        return self._meta.swap(self._name, found, json.dumps(said))


def _said(found: Fact) -> tuple[str, datetime | None]:
    """(who holds it, when that was renewed); nobody, if it is free."""
    try:
        values = json.loads(found.value)
        return str(values["holder"]), datetime.fromisoformat(values["renewed"])
    except (ValueError, TypeError, KeyError):  # `_FREE`, or what another version wrote
        return "", None


class Alone:
    """Holds on databases."""

    def __init__(self, meta: Meta) -> None:
        self._meta = meta

    @contextmanager
    def of(self, source: Source, job: JobContext) -> Iterator[Hold]:
        """Hold that database; waits for another job that does. Raises `Cancelled`."""
        name = f"hold:backup:{sha256(f'{source.name}/{source.database}'.encode()).hexdigest()[:16]}"
        hold = Hold(self._meta, name, job)
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
            with suppress(BelfryError):  # it ends by itself
                _meanwhile(hold.release, _patience(_LETTING_GO), f"release {name}")


def _meanwhile(call: Callable[[], T], look: Callable[[], None], name: str) -> T:
    """What the call returns, in a thread of its own, which is left to itself if `look` raises; in
    the caller's thread where none can be started."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # raised by who waits
            future.set_exception(error)

    if not start(run, name):
        look()
        run()
    while not wait([future], timeout=_STOP).done:
        look()
    return future.result()


def _patience(seconds: float) -> Callable[[], None]:
    """Raises `Unavailable` after so many seconds."""
    until = monotonic() + seconds

    def look() -> None:
        if monotonic() >= until:
            raise Unavailable("table storage", "it does not hear that a database is free")

    return look


def _renew(hold: Hold, over: threading.Event) -> None:
    while not over.wait(_RENEWED):
        with suppress(BelfryError):  # tried again before it ends, or it is lost: confirm() tells
            hold.renew()
