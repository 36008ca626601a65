"""The snapshots in storage: one blob for each shard that is larger than a page of rows.

Which shards have one is told by the facts `index.{shard}` (`storage/tables/facts`): a process on a
small account needs no blobs, and does not load their client.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.errors import Damaged
from shared.listing.snapshot import Snapshot, decoded, encoded
from shared.log import Event, event
from shared.storage.blobs import replaced
from shared.storage.blobs.container import Container
from shared.storage.tables.changed import INDEX
from shared.storage.tables.facts import Meta

_logger = logging.getLogger("belfry.lists")
_FACT = f"{INDEX}."


@dataclass(frozen=True, slots=True)
class Stored:
    """A snapshot as it was read."""

    snapshot: Snapshot
    etag: str


class Snapshots:
    """The snapshots. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, container: Container, meta: Meta) -> None:
        self._container = container
        self._meta = meta

    def epoch(self) -> str:
        """The present epoch: snapshots of another one must not be used."""
        return self._meta.value(INDEX) or ""

    def begin(self, epoch: str) -> None:
        """Begin an epoch: every process loads its index anew."""
        self._meta.put(INDEX, epoch)

    def written(self) -> Mapping[str, str]:
        """By shard, which has a snapshot: its fact, which says up to when it holds."""
        found = self._meta.beginning(_FACT)
        return {name.removeprefix(_FACT): fact.value for name, fact in found.items()}

    def read(self, shard: str, epoch: str, now: datetime) -> Stored | None:
        """The shard's snapshot; None if there is none that can be used, which is logged."""
        found = replaced.read(self._container, _name(shard))
        if found is None:
            _tell(shard, "it is gone")
            return None
        try:
            made = decoded(found[0])
        except Damaged as error:
            _tell(shard, str(error))
            return None
        if made.shard != shard or made.position > now:
            _tell(shard, f"it is of {made.shard}, up to {made.position}")
            return None
        return Stored(made, found[1]) if made.epoch == epoch else None

    def etag(self, shard: str) -> str | None:
        """The ETag of the shard's snapshot, whatever is in it; None if there is none."""
        return replaced.etag(self._container, _name(shard))

    def write(self, made: Snapshot, before: str | None) -> str | None:
        """Write a shard's snapshot if its ETag is still `before`; the new one, or None if somebody
        was faster."""
        if before is None:
            self._container.create()
        etag = replaced.write(self._container, _name(made.shard), encoded(made), before)
        if etag is not None:
            self._meta.put(f"{_FACT}{made.shard}", made.position.isoformat())
        return etag


def _tell(shard: str, why: str) -> None:
    event(_logger, Event.INDEX_UNREADABLE, level=logging.WARNING, shard=shard, reason=why)


def _name(shard: str) -> str:
    return f"schedules/{shard}"
