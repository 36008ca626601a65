"""What can be backed up: something that dumps itself as a stream, and takes a dump in again.

A source writes to nothing but its own scratch space and a restore's target, and leaves nothing
in its scratch space, however it ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from shared.tasks.context import JobContext


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What a database holds, as far as the proof compares it."""

    tables: Mapping[str, int]
    """Rows in each table."""
    schema: Mapping[str, str] = field(default_factory=dict)
    """Every object that is defined (`table public.pets`, `index public.pets_by_name`), and a short
    digest of its definition."""
    without: tuple[str, ...] = ()
    """Of what was restored: those that were left out, since the data breaks them (`pgrules`)."""
    together: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Tables whose rows a restore may deal out otherwise, so that only their sum is compared, under
    the name of what they are partitions of. No manifest has it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dump:
    """A dump under way."""

    chunks: Iterator[bytes]
    """Raises if the dump breaks off, so that its end means that it is whole."""
    contents: Contents
    """In the very state that is dumped."""
    engine_version: str
    dump_version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a restore goes."""

    name: str | None = None
    """None: a new one, named by the source."""
    replace: str | None = None
    """The target's name once more, if what is there may be replaced."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """What a restore made."""

    contents: Contents
    name: str
    """Of what was restored into."""
    kept_as: str | None = None
    """Where that which was there before lies now."""


class Source(Protocol):
    """A database that can be backed up."""

    @property
    def name(self) -> str:
        """What plans call it; with `database`, what a backup belongs to."""

    @property
    def engine(self) -> str:
        """The kind of database: sqlite, postgresql, belfry."""

    @property
    def database(self) -> str:
        """The database's own name."""

    @property
    def scope(self) -> str:
        """Which part of the database: empty for all of it, else as in `schemas a, b`."""

    @property
    def suffix(self) -> str:
        """How a dump's name ends, before its compression's ending: `sqlite`, `dump`."""

    def dump(self, job: JobContext) -> AbstractContextManager[Dump]:
        """Begin a consistent dump, which does not stop the database's writers."""

    def prove(self, chunks: Iterator[bytes], job: JobContext) -> Contents:
        """Restore into a scratch database, see what it holds, remove it. Raises `Damaged`, or
        `Unprovable` if the data breaks its own rules."""

    def restore(self, chunks: Iterator[bytes], target: Target, job: JobContext) -> Restored:
        """Restore for good. Raises `Conflict` if the target is not empty and `replace` is not its
        name. A restore that fails leaves the target as it was."""
