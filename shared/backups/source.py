"""What can be backed up: something that dumps itself as a stream, and can restore such a dump.

A source writes only to its own scratch space and to a restore's target, and leaves nothing in its
scratch space, however a call ends.
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
    """Every defined object (`table public.pets`, `index public.pets_by_name`), and a short digest
    of its definition."""
    without: tuple[str, ...] = ()
    """Rules that a restore left out, since the data breaks them (`postgres.broken_rules`)."""
    together: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Partitions among which a restore may distribute the rows differently, by the name of the
    partitioned table; only the sum of their rows is compared. Manifests do not have this."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dump:
    """A dump under way."""

    chunks: Iterator[bytes]
    """Raises if the dump breaks off, so if it ends without an error the dump is whole."""
    contents: Contents
    """What the database holds, in exactly the state that is dumped."""
    engine_version: str
    dump_version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a restore goes."""

    name: str | None = None
    """None: a new database, which the source names."""
    replace: str | None = None
    """The target's name again, if what is there may be replaced."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """What a restore made."""

    contents: Contents
    name: str
    """The name of the database that it restored into."""
    kept_as: str | None = None
    """The name under which the target's former content is kept."""


class Source(Protocol):
    """A database that can be backed up."""

    @property
    def name(self) -> str:
        """What plans call it; together with `database` it says what a backup is of."""

    @property
    def engine(self) -> str:
        """The kind of database: sqlite, postgresql, belfry."""

    @property
    def database(self) -> str:
        """The database's own name."""

    @property
    def scope(self) -> str:
        """Which part of the database: empty for all of it, else such as `schemas a, b`."""

    @property
    def suffix(self) -> str:
        """The extension of a dump's name, before that of the compression: `sqlite`, `dump`."""

    def dump(self, job: JobContext) -> AbstractContextManager[Dump]:
        """Begin a consistent dump, without stopping the database's writers."""

    def prove(self, chunks: Iterator[bytes], job: JobContext) -> Contents:
        """Restore into a scratch database, return what it holds, and remove it. Raises `Damaged`,
        or `Unprovable` if the data breaks the database's own rules."""

    def restore(self, chunks: Iterator[bytes], target: Target, job: JobContext) -> Restored:
        """Restore for good. Raises `Conflict` if the target is not empty and `replace` is not its
        name. A restore that fails leaves the target as it was."""
