"""What can be backed up: something that dumps itself as a stream and counts a restored copy.

A source writes to nothing but its own scratch space, and leaves nothing there, however it ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from shared.tasks.context import JobContext


@dataclass(frozen=True, kw_only=True, slots=True)
class Dump:
    """A dump under way."""

    chunks: Iterator[bytes]
    """Raises if the dump breaks off, so that its end means that it is whole."""
    tables: Mapping[str, int]
    """Rows in each table, counted in the very state that is dumped."""
    engine_version: str
    dump_version: str


class Source(Protocol):
    """A database that can be backed up."""

    @property
    def name(self) -> str:
        """What tasks call it."""

    @property
    def engine(self) -> str:
        """The kind of database."""

    @property
    def database(self) -> str:
        """The database's own name."""

    @property
    def suffix(self) -> str:
        """How the names of its blobs end."""

    def dump(self, job: JobContext) -> AbstractContextManager[Dump]:
        """Begin a consistent dump, which does not stop the database's writers."""

    def restore(self, chunks: Iterator[bytes], job: JobContext) -> Mapping[str, int]:
        """Restore into a scratch database, count its rows, remove it. Raises `Damaged`."""
