"""Table to table: entities with the types of their properties. A listing has whole entities, so
both sides are compared by what they say, and no memory is needed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from shared.errors import Refused
from shared.storage.outside.pages import Moved, Unfit
from shared.storage.outside.tables import Entity, OutsideTable
from shared.storage.tables import raw
from shared.storage.tables.batch import (
    MAX_OPERATIONS,
    Delete,
    Insert,
    Operation,
    Replace,
    TooLarge,
    literal,
)
from shared.sync.container import hold_deletions
from shared.sync.merge import Pair, key_of, side_by_side
from shared.sync.model import Did, Outcome
from shared.sync.ordered import Later, in_order
from shared.sync.plan import Deletions, Kind, Mode, Verify, mode_of
from shared.sync.running import Run
from shared.sync.walk import Key, walk

_ROOM = 3 * 1024 * 1024
"""Bytes of entities in one transaction, which may have 4 MiB with all that is around them."""
_TRIES = 3
_WINDOW = 8
"""Chunks that are held for each that is under way."""
_TIMESTAMP = "Timestamp"
_Deleted = Outcome | None
MOST_DELETIONS = 500_000

Both = tuple[Entity, Entity | None]


@dataclass(slots=True)
class _Chunk:
    """Entities of one partition, which go in one transaction; and where to go on after them."""

    outcomes: list[Outcome] = field(default_factory=list)
    """Of those that need not be written."""
    writes: list[Both] = field(default_factory=list)
    size: int = 0
    position: dict[str, Any] = field(default_factory=dict)
    newest: str = ""
    last: tuple[str, str] | None = None


class TableSync:
    """A run of that kind."""

    def __init__(self, source: OutsideTable, destination: OutsideTable, run: Run) -> None:
        self._source = source
        self._destination = destination
        self._run = run
        self._plan = run.plan
        self._mode = mode_of(run.plan, Kind.TABLE)
        self._watermark = run.plan.watermark or _TIMESTAMP

    def __call__(self) -> dict[str, Any]:
        """Copy, then delete; what the next run begins with."""
        before = {"watermark": self._before(), "key": self._run.value.get("key", [])}
        if self._run.position.get("phase") != "delete":
            after = self._copy(dict(before))
            counts = self._run.counts
            after = after if not counts.failed + counts.changed else before
            self._run.save({"phase": "delete", "after": after})
        else:
            after = dict(self._run.position["after"])
        if self._plan.deletions is Deletions.DELETE:
            self._delete()
        return {"items": self._run.counts.items} | after

    # --- copying

    def _copy(self, after: dict[str, Any]) -> dict[str, Any]:
        run = self._run
        after |= run.position.get("after", {})
        most = self._plan.parallel
        for chunk in in_order(self._chunks(), most, most * _WINDOW):
            run.job.check()
            for outcome in chunk.outcomes:
                run.tell(outcome)
            after["watermark"] = max(after["watermark"], chunk.newest, key=_digits)
            if chunk.last is not None:
                after["key"] = list(chunk.last)
            if chunk.position:
                run.save_if_due(chunk.position | {"after": dict(after)})
        return after

    def _chunks(self) -> Iterator[_Chunk | Later[_Chunk]]:
        chunk, partition = _Chunk(), None
        for pair in self._pairs(self._run.position):
            self._run.job.check()
            one = pair.source
            if one is None:
                continue
            size = len(json.dumps(one))
            full = len(chunk.writes) >= MAX_OPERATIONS or chunk.size + size > _ROOM
            apart = one["PartitionKey"] != partition
            if (chunk.writes and (full or apart)) or len(chunk.outcomes) >= 1000:
                yield self._step(chunk)
                chunk = _Chunk()
            partition = one["PartitionKey"]
            self._add(chunk, one, pair.destination, size)
            chunk.position = _position(one, pair) if pair.ordered else {}
        yield self._step(chunk)

    def _add(self, chunk: _Chunk, one: Entity, there: Entity | None, size: int) -> None:
        if self._mode is Mode.WATERMARK:
            chunk.newest = max(chunk.newest, self._instant(one), key=_digits)
        chunk.last = one["PartitionKey"], one["RowKey"]
        if there is not None and same(one, there):
            chunk.outcomes.append(Outcome(name=name_of(one), did=Did.SAME))
        elif self._run.dry and self._mode is Mode.ETAG:
            chunk.outcomes.append(Outcome(name=name_of(one), did=Did.COPIED, bytes=size))
        else:
            chunk.writes.append((one, there))
            chunk.size += size

    def _instant(self, one: Entity) -> str:
        """Its watermark; empty if it has none. Raises `Refused` if that is no instant."""
        kind = one.get(f"{self._watermark}@odata.type", "Edm.DateTime")
        value = one.get(self._watermark, "")
        if kind != "Edm.DateTime" or not isinstance(value, str):
            text = f"{self._watermark} of {name_of(one)} is no instant (Edm.DateTime)"
            raise Refused(self._source.at.shown, text)
        return value

    def _step(self, chunk: _Chunk) -> _Chunk | Later[_Chunk]:
        return Later(partial(self._written, chunk)) if chunk.writes else chunk

    def _pairs(self, begun: Mapping[str, Any]) -> Iterator[Pair[Entity, Entity]]:
        after: Key = key_of(*begun["name"]) if begun.get("name") else ()
        markers = begun.get("markers", (None, None))
        source = walk(partial(self._source.page, self._filter()), _key, markers[0], after)
        if self._mode is not Mode.ETAG:
            return side_by_side(source, iter(()))
        same_span = partial(self._destination.page, self._span())
        return side_by_side(source, walk(same_span, _key, markers[1], after))

    def _span(self) -> str:
        """The filter of both sides; a person's own filter holds for the source alone, since the
        destination may say otherwise."""
        if not self._plan.prefix:
            return ""
        first = self._plan.prefix
        end = first[:-1] + chr(ord(first[-1]) + 1)
        return f"PartitionKey ge {literal(first)} and PartitionKey lt {literal(end)}"

    def _filter(self) -> str:
        parts = [self._span(), f"({self._plan.filter})" if self._plan.filter else ""]
        if self._mode is Mode.WATERMARK and self._before():
            since = datetime.fromisoformat(self._before()) - timedelta(seconds=self._plan.overlap)
            said = since.isoformat().replace("+00:00", "Z")
            parts.append(f"{self._watermark} ge datetime'{said}'")
        if self._mode is Mode.KEY and (last := self._run.value.get("key")):
            partition, row = map(literal, last)
            further = f"PartitionKey eq {partition} and RowKey gt {row}"
            parts.append(f"(PartitionKey gt {partition} or ({further}))")
        return " and ".join(part for part in parts if part)

    def _before(self) -> str:
        return str(self._run.value.get("watermark", ""))

    def _written(self, chunk: _Chunk) -> _Chunk:
        """The chunk, when its entities are written: all at once, else one by one."""
        both = [(one, self._there(one, there)) for one, there in chunk.writes]
        new = [(one, there) for one, there in both if there is None or not same(one, there)]
        known = [Outcome(name=name_of(one), did=Did.SAME) for one, _ in both]
        chunk.outcomes += known[: len(both) - len(new)]
        self._run.pace.item(len(new))
        self._run.pace.send(chunk.size)
        if self._run.dry:
            chunk.outcomes += [_copied(one) for one, _ in new]
        elif new:
            chunk.outcomes += self._all(new)
        return chunk

    def _there(self, one: Entity, there: Entity | None) -> Entity | None:
        """What the destination has, if it was not listed."""
        if self._mode is Mode.ETAG:
            return there
        return self._destination.get(one["PartitionKey"], one["RowKey"])

    def _all(self, new: Sequence[Both]) -> list[Outcome]:
        try:
            partition = new[0][0]["PartitionKey"]
            if any(self._is_old(one) for one, there in new if there is not None):
                raise Moved
            self._destination.transact(partition, [_write(one, there) for one, there in new])
        except (Moved, Unfit, TooLarge):
            return [self._one(one) for one, _ in new]
        return [self._checked(one) for one, _ in new]

    def _is_old(self, one: Entity) -> bool:
        """Whether the source says something else now. Asked after the destination was read: what
        another attempt, or another run, copied since then it copied from a source that is no older
        than this one, and its write makes ours fail."""
        found = self._source.get(one["PartitionKey"], one["RowKey"])
        return found is None or not same(one, found)

    def _one(self, listed: Entity) -> Outcome:
        """Write one entity, whatever happens to it meanwhile. Both sides are read anew, the source
        last (`_is_old`)."""
        name, partition, row = name_of(listed), listed["PartitionKey"], listed["RowKey"]
        try:
            for _ in range(_TRIES):
                there, one = self._destination.get(partition, row), self._source.get(partition, row)
                if one is None:
                    return Outcome(name=name, did=Did.CHANGED, reason="it is gone meanwhile")
                if there is not None and same(one, there):
                    return _copied(one)
                try:
                    self._destination.transact(partition, [_write(one, there)])
                    return self._checked(one)
                except Moved:
                    continue
        except (Unfit, TooLarge) as error:
            return Outcome(name=name, did=Did.FAILED, reason=str(error))
        return Outcome(name=name, did=Did.CHANGED, reason="it is changed again and again")

    def _checked(self, one: Entity) -> Outcome:
        if self._plan.verify is Verify.READ_BACK:
            found = self._destination.get(one["PartitionKey"], one["RowKey"])
            if found is None or not same(one, found):
                reason = "what is at the destination is not what was sent"
                return Outcome(name=name_of(one), did=Did.FAILED, reason=reason)
        return _copied(one)

    # --- deleting

    def _delete(self) -> None:
        """As of containers; but an entity has no marks, so all that is gone at the source goes."""
        with tempfile.TemporaryFile("w+", encoding="utf-8") as kept:
            there = gone = 0
            for pair in self._pairs({}):
                self._run.job.check()
                one = pair.destination
                there += one is not None
                if one is None or pair.source is not None:
                    continue
                gone += 1
                if gone <= MOST_DELETIONS:
                    line = [one["PartitionKey"], one["RowKey"], one["odata.etag"]]
                    kept.write(json.dumps(line) + "\n")
            percent = self._plan.max_delete_percent
            hold_deletions(gone, there, percent, self._source.at.shown)
            if gone > MOST_DELETIONS:
                self._run.more["deletions_left"] = gone - MOST_DELETIONS
            kept.seek(0)
            calls: Iterator[_Deleted | Later[_Deleted]] = (
                Later(partial(self._deleted, *json.loads(line))) for line in kept
            )
            for outcome in in_order(calls, self._plan.parallel, self._plan.parallel * 32):
                if outcome is not None:
                    self._run.tell(outcome)
                self._run.save_if_due(self._run.position)

    def _deleted(self, partition: str, row: str, etag: str) -> Outcome | None:
        name = f"{partition}/{row}"
        if self._source.get(partition, row) is not None:
            return None  # a listing was not in order, or it came back
        if not self._run.dry:
            self._run.pace.item()
            try:
                self._destination.transact(partition, [Delete(row, etag)])
            except Moved:
                if self._destination.get(partition, row) is not None:
                    reason = "the copy was changed meanwhile"
                    return Outcome(name=name, did=Did.CHANGED, reason=reason)
        return Outcome(name=name, did=Did.DELETED)


def same(one: Entity, other: Entity) -> bool:
    """Whether they say the same, types included."""
    return raw.written(one) == raw.written(other)


def name_of(one: Entity) -> str:
    """For reports."""
    return f"{one['PartitionKey']}/{one['RowKey']}"


def _write(one: Entity, there: Entity | None) -> Operation:
    properties = raw.for_transaction(raw.written(one))
    if there is None:
        return Insert(one["RowKey"], properties)
    return Replace(one["RowKey"], there["odata.etag"], properties)


def _copied(one: Entity) -> Outcome:
    return Outcome(name=name_of(one), did=Did.COPIED, bytes=len(json.dumps(one)))


def _digits(instant: str) -> str:
    """By which instants of the service sort: fractions have as many digits as they need."""
    return instant.rstrip("Z")


def _key(one: Entity) -> Key:
    return key_of(one["PartitionKey"], one["RowKey"])


def _position(one: Entity, pair: Pair[Entity, Entity]) -> dict[str, Any]:
    name = [one["PartitionKey"], one["RowKey"]]
    return {"phase": "copy", "name": name, "markers": list(pair.markers)}
