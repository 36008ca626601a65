"""The blobs of the index of jobs: its chunks, directories and totals, each written once.

`jobs/chunks/{mark}`, `jobs/directories/{mark}` and `jobs/totals/{mark}` in the container of
indexes.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

from shared.errors import Damaged
from shared.jobs.chunk import Chunk, decode
from shared.jobs.directory import Directory
from shared.jobs.totals import Totals
from shared.storage.blobs import stream
from shared.storage.blobs.container import Container
from shared.storage.blobs.stream import go_on

T = TypeVar("T")

_FOLDER = "jobs/"
_CHUNKS, _DIRECTORIES = f"{_FOLDER}chunks/", f"{_FOLDER}directories/"
_TOTALS = f"{_FOLDER}totals/"
_TYPE = "application/octet-stream"
KEPT = 160
"""The most chunks that a process keeps in memory: about 250 KB each, if they are full."""


class JobChunks:
    """The blobs, and what this process keeps of them. Several threads may use it at once.

    Every method raises `Unavailable` or `Refused` if storage fails.
    """

    def __init__(self, container: Container) -> None:
        self._container = container
        self._chunks: OrderedDict[str, Chunk] = OrderedDict()
        self._directory: tuple[str, Directory] | None = None
        self._totals: tuple[str, Totals] | None = None
        self._lock = threading.Lock()

    def chunk(self, name: str) -> Chunk:
        """The chunk of that name. Raises `Damaged` if it is gone or cannot be read."""
        with self._lock:
            if name in self._chunks:
                self._chunks.move_to_end(name)
                return self._chunks[name]
        found = _readable(name, decode, self._read(name))
        with self._lock:
            self._chunks[name] = found
            while len(self._chunks) > KEPT:
                self._chunks.popitem(last=False)
        return found

    def directory(self, name: str) -> Directory:
        """The directory of that name. Raises `Damaged` if it is gone or cannot be read."""
        known = self._directory
        if known is not None and known[0] == name:
            return known[1]
        found = _readable(name, Directory.decode, self._read(name))
        self._directory = name, found
        return found

    def totals(self, name: str) -> Totals:
        """The totals of that name. Raises `Damaged` if they are gone or cannot be read."""
        known = self._totals
        if known is not None and known[0] == name:
            return known[1]
        found = _readable(name, Totals.decode, self._read(name))
        self._totals = name, found
        return found

    def newest_totals(self) -> Totals | None:
        """The totals that were written last and can be read, whether a directory names them or not;
        None if there are none."""
        there = sorted(
            ((at, name) for name, at in self.written().items() if at and name.startswith(_TOTALS)),
            reverse=True,
        )
        for _, name in there:
            with suppress(Damaged):
                return self.totals(name)
        return None

    def keep_totals(self, totals: Totals) -> str:
        """Write totals; their name."""
        return self._keep(_TOTALS, totals.encode())

    def keep_chunk(self, content: bytes) -> str:
        """Write a chunk; its name."""
        return self._keep(_CHUNKS, content)

    def keep_directory(self, content: bytes) -> str:
        """Write a directory; its name."""
        return self._keep(_DIRECTORIES, content)

    def remove(self, name: str) -> None:
        """Remove a blob; harmless if it is gone."""
        self._container.delete(name)

    def create(self) -> None:
        """Create the container, if it does not exist."""
        self._container.create()

    def written(self, check: Callable[[], None] = go_on) -> dict[str, datetime | None]:
        """When each blob of the index was written, by name."""
        found = self._container.items(check)
        return {item.name: item.changed_at for item in found if item.name.startswith(_FOLDER)}

    def _keep(self, folder: str, content: bytes) -> str:
        name = f"{folder}{secrets.token_hex(12)}"
        stream.write_once(self._container.blob(name), content, {}, content_type=_TYPE)
        return name

    def _read(self, name: str) -> bytes:
        return stream.text(self._container.blob(name))


def _readable(name: str, read: Callable[[bytes], T], content: bytes) -> T:
    try:
        return read(content)
    except (ValueError, LookupError, TypeError) as error:
        raise Damaged(f"{name} of the index of jobs cannot be read: {error!r:.200}") from error
