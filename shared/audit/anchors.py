"""Anchors: once a day the hash of the chain's head, and a copy of the records since the last one.

Each is a blob that is created and never written again. A container with an immutability policy
holds them against everybody, so whoever rewrites the chain cannot make it fit them.

`anchors/2026-11-29.json` says the record, its hash, the files with the records since the anchor
before, and the hash of that anchor. `records/0000000001-0000000042.jsonl` has one record a line,
each the text whose SHA-256 is the record's hash.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from shared.audit.chain import Head, Record, digest_of
from shared.audit.table import ChainTable
from shared.errors import Conflict, Damaged
from shared.log import Event, event, instant
from shared.storage.blobs import stream
from shared.storage.blobs.container import Container, Opening

_logger = logging.getLogger("belfry.audit")

_FOLDER, _END = "anchors/", ".json"
_RECORDS = 10_000
_BYTES = 16 * 1024 * 1024
"""How many records, and how many bytes, a file has at most, unless a single record is larger."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of records."""

    name: str
    first: int
    last: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """An anchor as it is stored."""

    name: str
    """Of its blob."""
    at: datetime
    head: Head
    files: tuple[File, ...]
    """The records since the anchor before, in order."""
    previous: str | None
    """SHA-256 of the anchor before; None for the first."""

    @property
    def day(self) -> str:
        return self.name.removeprefix(_FOLDER).removesuffix(_END)

    def text(self) -> bytes:
        """What its blob contains."""
        said = {
            "at": instant(self.at),
            "number": self.head.number,
            "hash": self.head.digest,
            "files": [asdict(one) for one in self.files],
            "previous": self.previous,
        }
        return json.dumps(said, indent=2).encode()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text()).hexdigest()


class Anchors:
    """The container. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, container: Opening, table: ChainTable) -> None:
        self._container = Container(container)
        self._table = table

    def names(self) -> list[str]:
        """The blobs of the anchors, the oldest first."""
        found = self._container.names(_FOLDER)
        return sorted(name for name in found if name.endswith(_END))

    def read(self, name: str) -> Anchor:
        """An anchor. Raises `Damaged` if it is gone, or is not as it was written."""
        content = stream.text(self._container.blob(name))
        try:
            said = json.loads(content)
            files = tuple(File(**one) for one in said["files"])
            at, head = datetime.fromisoformat(said["at"]), Head(said["number"], said["hash"])
            found = Anchor(name, at, head, files, said["previous"])
        except (LookupError, ValueError, TypeError) as error:
            raise Damaged(f"{name} cannot be read: {type(error).__name__}") from error
        if found.text() != content:
            raise Damaged(f"{name} is not as it was written")
        return found

    def last(self) -> Anchor | None:
        """The newest anchor."""
        names = self.names()
        return self.read(names[-1]) if names else None

    def is_due(self, now: datetime) -> bool:
        """Whether there is none of that day or a later one."""
        names = self.names()
        return not names or names[-1] < _name(now)

    def make(self, head: Head, now: datetime, check: Callable[[], None]) -> Anchor | None:
        """Anchor the head of the chain for the day of `now`; None if the day has an anchor."""
        if not self.is_due(now):
            return None
        self._container.create(check)
        before = self.last()
        after = 0 if before is None else before.head.number
        files = tuple(self._keep(some, check) for some in self._parts(after, head.number))
        made = Anchor(_name(now), now, head, files, None if before is None else before.sha256)
        try:
            stream.write_once(self._container.blob(made.name), made.text(), {}, check=check)
        except Conflict:
            return None  # another instance was first
        event(_logger, Event.AUDIT_ANCHORED, number=head.number, hash=head.digest, blob=made.name)
        return made

    def records(self, one: File) -> Iterator[Record]:
        """The records of a file, in its order. Raises `Damaged` if it is gone, or is not the file
        that was written."""
        content = stream.text(self._container.blob(one.name))
        if hashlib.sha256(content).hexdigest() != one.sha256:
            raise Damaged(f"{one.name} is not the file that was anchored")
        for line in content.decode().splitlines():
            record = Record(-1, digest_of(line), line)
            try:
                yield Record(int(record.said()["number"]), record.digest, line)
            except (LookupError, ValueError, TypeError):
                yield record

    def is_held(self, name: str) -> bool:
        """Whether a policy keeps an anchor's blob from being changed or removed."""
        return self._container.is_held(name)

    def _parts(self, after: int, until: int) -> Iterator[list[Record]]:
        part: list[Record] = []
        size = 0
        for one in self._table.records(after, until):
            part.append(one)
            size += len(one.text)
            if len(part) >= _RECORDS or size >= _BYTES:
                yield part
                part, size = [], 0
        if part:
            yield part

    def _keep(self, some: Sequence[Record], check: Callable[[], None]) -> File:
        check()
        first, last = some[0].number, some[-1].number
        content = "".join(f"{_line(one.text)}\n" for one in some).encode("utf-8", "replace")
        digest = hashlib.sha256(content).hexdigest()
        name = f"records/{first:010d}-{last:010d}.jsonl"
        kind = "application/jsonl"
        try:
            stream.write_once(
                self._container.blob(name), content, {}, content_type=kind, check=check
            )
        except Conflict:  # the chain was changed after a run that was killed: both are kept
            name = f"records/{first:010d}-{last:010d}-{digest[:12]}.jsonl"
            stream.write_once(
                self._container.blob(name), content, {}, content_type=kind, check=check
            )
        return File(name, first, last, digest)


def _name(at: datetime) -> str:
    return f"{_FOLDER}{instant(at)[:10]}{_END}"


def _line(text: str) -> str:
    """The text as a line of its own; one with more lines is none of ours, and is kept quoted."""
    return text if len(text.splitlines()) == 1 else json.dumps(text)
