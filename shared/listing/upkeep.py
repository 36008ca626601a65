"""Keeps the snapshots and the feed: folds what changed into new snapshots, removes old rows.

Several instances may do it at once: a snapshot is written by compare-and-set, and a row of the feed
is removed only when it is older than any that a snapshot lacks. Killed between the two, the rows
stay until the next time; to fold a row twice changes nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.listing.listing import KEPT, Listing, Shard
from shared.listing.snapshot import Snapshot
from shared.storage.tables.changed import LATE, at_of, stamp


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What an upkeep did."""

    schedules: int
    snapshots: int
    """Shards whose snapshots were written."""
    removed: int
    """Rows of the feed that were removed."""

    def result(self) -> Mapping[str, object]:
        """As a task's result."""
        return {
            "schedules": self.schedules,
            "snapshots": self.snapshots,
            "removed": self.removed,
        }


class Upkeep:
    """The upkeep of the index."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing

    def run(self, check: Callable[[], None]) -> Kept:
        """Write the snapshots of what changed, and remove old rows. `check` is called now and then,
        and may raise."""
        listing = self._listing
        before = {name: listing.snapshots.etag(name) for name in listing.snapshots.written()}
        now = listing.clock.now()
        listing.refresh()
        written = removed = 0
        for name in listing.feed.shards:
            check()
            made, current = self._keep(name, before, now)
            written += made
            if current:
                removed += self._remove(name, now)
        with listing.lock:
            return Kept(schedules=len(listing.columns), snapshots=written, removed=removed)

    def rebuild(self, check: Callable[[], None]) -> Kept:
        """Make the index anew from the rows, and have every process load it."""
        listing = self._listing
        epoch = secrets.token_hex(6)
        listing.snapshots.begin(epoch)
        listing.forget()
        return self.run(check)

    def _keep(self, name: str, etags: Mapping[str, str | None], now: datetime) -> tuple[bool, bool]:
        """(whether a snapshot of the shard was written; whether nothing newer than `KEPT` is needed
        of the feed)."""
        listing = self._listing
        before = etags[name] if name in etags else self._untold(name)
        with listing.lock:
            shard = listing.shards[name]
            if shard.etag is not None and (shard.etag, shard.kept_head) == (before, shard.head):
                return False, True
            ids = listing.of_shard(name)
            if len(ids) < listing.page:
                return False, True
            made = self._made(name, ids, shard, now)
        etag = listing.snapshots.write(made, before)
        if etag is None:
            return False, False
        with listing.lock:
            shard.etag, shard.kept_head = etag, made.head
        return True, True

    def _untold(self, name: str) -> str | None:
        """The ETag of a snapshot that no fact tells of: whoever wrote it was killed right after."""
        listing = self._listing
        if len(listing.of_shard(name)) < listing.page:
            return None
        found = listing.snapshots.etag(name)
        listing.refresh()  # what is written must be newer than what it replaces
        return found

    def _made(self, name: str, ids: Sequence[str], shard: Shard, now: datetime) -> Snapshot:
        listing = self._listing
        known = map(listing.columns.get, ids)
        return Snapshot(
            shard=name,
            epoch=listing.epoch or "",
            head=shard.head,
            position=now - LATE,
            seen=[key for key in shard.seen if at_of(key) >= stamp(now - LATE)],
            schedules=[one for one in known if one is not None],
        )

    def _remove(self, name: str, now: datetime) -> int:
        old = self._listing.feed.before(name, now - KEPT)
        self._listing.feed.remove(name, old)
        return len(old)
