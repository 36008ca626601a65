"""Container to container: blobs with their headers and metadata. Each copy carries marks in its own
metadata (`merge.marks`), so what was copied is known without a memory beside it."""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from hashlib import md5
from typing import Any

from shared.errors import Damaged, Refused
from shared.storage.outside.containers import OutsideContainer
from shared.storage.outside.pages import Blob, Moved, Unfit
from shared.sync import merge
from shared.sync.merge import MARKS, Pair, Rule, Verdict, copied_by, decide, key_of, side_by_side
from shared.sync.model import Did, Outcome
from shared.sync.ordered import Later, in_order
from shared.sync.plan import Deletions, Mode, Verify, mode_of
from shared.sync.plan import Kind as Of
from shared.sync.running import Run
from shared.sync.walk import Key, walk

BLOCK = 4 * 1024 * 1024
_BLOCKS = 50_000
"""The most blocks of a blob."""
_LARGEST = 1 << 40
"""Bytes: a larger blob would need blocks too large for memory."""
_TRIES = 3
"""How often a copy begins anew since the blob was changed, here or there."""
_WINDOW = 32
"""Steps that are held for each copy that is under way."""
_Deleted = Outcome | None
MOST_DELETIONS = 500_000
"""In one run; the next goes on."""


@dataclass(frozen=True, slots=True)
class _Step:
    outcome: Outcome | None
    position: dict[str, Any]
    changed_at: datetime | None = None


class ContainerSync:
    """A run of that kind."""

    def __init__(self, source: OutsideContainer, destination: OutsideContainer, run: Run) -> None:
        self._source = source
        self._destination = destination
        self._run = run
        self._plan = run.plan
        self._mode = mode_of(run.plan, Of.CONTAINER)
        self._rule = Rule(
            source=merge.digest(source.at.url, source.at.name),
            delete=run.plan.deletions is Deletions.DELETE,
            protect_newer=run.plan.protect_newer,
        )

    def __call__(self) -> dict[str, Any]:
        """Copy, then delete; what the next run begins with."""
        newest, last = self._newest_before(), str(self._run.value.get("key", ""))
        if self._run.position.get("phase") != "delete":
            newest, last = self._copy(newest, last)
            self._run.save({"phase": "delete", "newest": newest, "key": last})
        else:
            newest, last = self._run.position["newest"], self._run.position["key"]
        if self._rule.delete:
            self._delete()
        return {"items": self._run.counts.items, "watermark": newest, "key": last}

    # --- copying

    def _copy(self, newest: str, last: str) -> tuple[str, str]:
        run, begun = self._run, self._run.position
        newest, last = str(begun.get("newest", newest)), str(begun.get("key", last))
        most = self._plan.parallel
        for step in in_order(self._steps(), most, most * _WINDOW):
            run.job.check()
            if step.outcome is not None:
                run.tell(step.outcome)
                if step.outcome.did not in (Did.FAILED, Did.CHANGED):
                    last = max(last, step.outcome.name)
                    newest = _later(newest, step.changed_at)
            if step.position:
                run.save_if_due(step.position | {"newest": newest, "key": last})
        return (newest, last) if not run.counts.failed + run.counts.changed else self._before()

    def _before(self) -> tuple[str, str]:
        """What was, since something failed and must be looked at again."""
        return self._newest_before(), str(self._run.value.get("key", ""))

    def _newest_before(self) -> str:
        return str(self._run.value.get("watermark", ""))

    def _steps(self) -> Iterator[_Step | Later[_Step]]:
        since = self._since()
        after = str(self._run.value.get("key", "")) if self._mode is Mode.KEY else ""
        for pair in self._pairs(self._run.position):
            self._run.job.check()
            one = pair.source
            if one is None:
                continue
            position = _position(one, pair) if pair.ordered else {}
            if (since and one.changed_at < since) or (after and one.name <= after):
                continue
            yield self._step(one, pair.destination, position)

    def _step(self, one: Blob, there: Blob | None, position: dict[str, Any]) -> Any:
        verdict = decide(one, there, self._rule)
        if verdict is Verdict.COPY:
            if self._run.dry:
                return _Step(Outcome(name=one.name, did=Did.COPIED, bytes=one.size), position)
            call = partial(self._settled, one, there)
            return Later(lambda: _Step(call(), position, one.changed_at))
        return _Step(self._seen(one, there, verdict), position, one.changed_at)

    def _seen(self, one: Blob, there: Blob | None, verdict: Verdict) -> Outcome:
        """What became of a blob that need not be copied. This job itself may have copied it: an
        earlier attempt after its last save, or a request whose answer was lost."""
        if verdict is Verdict.KEPT:
            return Outcome(name=one.name, did=Did.KEPT, reason="the destination's own is newer")
        mine = there is not None and copied_by(there, self._run.job.job_id)
        return Outcome(name=one.name, did=Did.COPIED if mine else Did.SAME, bytes=one.size)

    def _since(self) -> datetime | None:
        said = self._newest_before()
        if self._mode is not Mode.WATERMARK or not said:
            return None
        return datetime.fromisoformat(said) - timedelta(seconds=self._plan.overlap)

    def _pairs(self, begun: Any) -> Iterator[Pair[Blob, Blob]]:
        after: Key = key_of(begun["name"]) if begun.get("name") else ()
        markers = begun.get("markers", (None, None))
        source = walk(partial(self._source.page, self._plan.prefix), _key, markers[0], after)
        destination = walk(
            partial(self._destination.page, self._plan.prefix), _key, markers[1], after
        )
        whole = self._mode is Mode.ETAG
        return side_by_side(source, destination if whole else iter(()))

    def _settled(self, one: Blob, there: Blob | None) -> Outcome:
        """Copy a blob, whatever happens to it meanwhile."""
        name = one.name
        try:
            for _ in range(_TRIES):
                try:
                    size = self._copied(one, there)
                    return Outcome(name=name, did=Did.COPIED, bytes=size)
                except Moved:
                    found = self._source.head(name)
                    if found is None:
                        return Outcome(name=name, did=Did.CHANGED, reason="it is gone meanwhile")
                    one, there = found, self._destination.head(name)
                    verdict = decide(one, there, self._rule)
                    if verdict is not Verdict.COPY:
                        return self._seen(one, there, verdict)
        except (Unfit, Damaged) as error:
            return Outcome(name=name, did=Did.FAILED, reason=str(error))
        return Outcome(name=name, did=Did.CHANGED, reason="it is changed again and again")

    def _copied(self, one: Blob, there: Blob | None) -> int:
        """Copy exactly that version over exactly that one; its size. Raises `Moved`, `Unfit`,
        `Damaged`."""
        _hold(one)
        self._run.pace.item()
        like, marks = one.headers, self._marks(one)
        over = there.etag if there is not None else None
        sums, blocks = md5(usedforsecurity=False), 0
        size = max(BLOCK, -(-one.size // _BLOCKS))
        if one.size <= size:
            data = self._read(one, 0, one.size)
            sums.update(data)
            self._hold_hash(one, sums.digest())
            etag = self._destination.put(one.name, data, sums.digest(), like, marks, over)
        else:
            upload = secrets.token_hex(4)
            for offset in range(0, one.size, size):
                data = self._read(one, offset, min(size, one.size - offset))
                sums.update(data)
                self._destination.stage(one.name, upload, blocks, data)
                blocks += 1
            found = sums.digest()
            self._hold_hash(one, found)
            etag = self._destination.commit(one.name, upload, blocks, found, like, marks, over)
        if self._plan.verify is Verify.READ_BACK:
            self._read_back(one, etag, sums.digest())
        return one.size

    def _read(self, one: Blob, offset: int, length: int) -> bytes:
        self._run.pace.send(length)
        return self._source.read(one.name, one.etag, offset, length)

    def _marks(self, one: Blob) -> dict[str, str]:
        own = {name: value for name, value in one.metadata.items() if name.lower() not in MARKS}
        return own | merge.marks(self._rule.source, one.etag, self._run.job.job_id)

    def _hold_hash(self, one: Blob, found: bytes) -> None:
        if self._plan.verify is Verify.COUNTS or one.md5 is None or one.md5 == found:
            return
        raise Damaged(
            f"its bytes have the MD5 {found.hex()}, and its Content-MD5 says {one.md5.hex()}"
        )

    def _read_back(self, one: Blob, etag: str, wanted: bytes) -> None:
        sums = md5(usedforsecurity=False)
        for offset in range(0, one.size, BLOCK):
            length = min(BLOCK, one.size - offset)
            self._run.pace.send(length)
            sums.update(self._destination.read(one.name, etag, offset, length))
        if sums.digest() != wanted:
            raise Damaged("what is at the destination is not what was sent")

    # --- deleting

    def _delete(self) -> None:
        """Delete what is gone at the source, if it is not too much. It looks at all again, so a
        second attempt does the same."""
        with tempfile.TemporaryFile("w+", encoding="utf-8") as kept:
            ours = gone = 0
            for pair in self._pairs({}):
                self._run.job.check()
                if pair.destination is None:
                    continue
                ours += merge.is_copy(pair.destination, self._rule)
                if decide(pair.source, pair.destination, self._rule) is Verdict.DELETE:
                    gone += 1
                    if gone <= MOST_DELETIONS:
                        line = [pair.destination.name, pair.destination.etag, pair.destination.size]
                        kept.write(json.dumps(line) + "\n")
            hold_deletions(gone, ours, self._plan.max_delete_percent, self._source.at.shown)
            if gone > MOST_DELETIONS:
                self._run.more["deletions_left"] = gone - MOST_DELETIONS
            kept.seek(0)
            calls: Iterator[_Deleted | Later[_Deleted]] = (
                Later(partial(self._deleted, *json.loads(line))) for line in kept
            )
            for outcome in in_order(calls, self._plan.parallel, self._plan.parallel * _WINDOW):
                if outcome is not None:
                    self._run.tell(outcome)
                self._run.save_if_due(self._run.position)

    def _deleted(self, name: str, etag: str, size: int) -> Outcome | None:
        done = Outcome(name=name, did=Did.DELETED, bytes=size)
        if self._source.head(name) is not None:  # a listing was not in order, or it came back
            return None
        if self._run.dry:
            return done
        self._run.pace.item()
        try:
            self._destination.delete(name, etag)
        except Moved:
            if self._destination.head(name) is None:
                return done
            return Outcome(name=name, did=Did.CHANGED, reason="the copy was changed meanwhile")
        except Unfit as error:
            return Outcome(name=name, did=Did.FAILED, reason=str(error))
        return done


def hold_deletions(gone: int, of: int, percent: float, source: str) -> None:
    """Raise `Refused` if more would go than may."""
    if merge.too_many(gone, of, percent):
        raise Refused(
            source,
            f"{gone} of {of} copies are gone there, more than max_delete_percent ({percent:g}); "
            "nothing was deleted. If it is right, give a larger max_delete_percent",
        )


def _hold(one: Blob) -> None:
    """Raise `Unfit` if that blob cannot be copied."""
    if one.kind == "PageBlob":
        raise Unfit("it is a page blob; only block blobs and append blobs are copied")
    if one.tier == "Archive":
        raise Unfit("it is in the archive tier; bring it to another tier first")
    if one.size > _LARGEST:
        raise Unfit("it is larger than 1 TiB")
    if {".", ".."} & set(one.name.split("/")):
        raise Unfit("its name has a part that is . or .., which a URL cannot say")


def _key(one: Blob) -> Key:
    return key_of(one.name)


def _later(newest: str, at: datetime | None) -> str:
    said = at.isoformat() if at is not None else ""
    if not newest or not said:
        return said or newest
    return said if datetime.fromisoformat(said) > datetime.fromisoformat(newest) else newest


def _position(one: Blob, pair: Pair[Blob, Blob]) -> dict[str, Any]:
    return {"phase": "copy", "name": one.name, "markers": list(pair.markers)}
