"""What the tests of whole backups share: containers of one's own, and sources that meddle."""

from __future__ import annotations

import json
import random
import sqlite3
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from azure.storage.blob import ContainerClient

from shared.backups.drive.folder import Drive
from shared.backups.jobs.lock import Alone
from shared.backups.jobs.run import Round, Tools
from shared.backups.model import Summary
from shared.backups.params import BackupPlan
from shared.backups.source import Contents, Dump, Restored, Source, Target
from shared.backups.sources import Sources
from shared.backups.store.catalog import Catalog
from shared.backups.store.destination import Destination
from shared.backups.store.encryption import Seal
from shared.backups.store.entries import Backup
from shared.settings import Secret, StorageAccount
from shared.storage.connect import Connection
from shared.storage.tables.facts import Meta
from shared.storage.tables.locks import Locks
from shared.tasks.context import JobContext
from tests.context import job_of

PRIMARY, OFFSITE = "primary", "offsite"


def company_file(path: Path, files: int) -> Path:
    """A SQLite database in WAL mode, with so many files of 100 kB, which no compression shrinks."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute('CREATE TABLE users (id INTEGER PRIMARY KEY, "na me" TEXT)')
        connection.execute('CREATE TABLE "odd ""name" (x)')
        connection.execute("CREATE TABLE files (content BLOB)")
        connection.executemany("INSERT INTO users (id) VALUES (?)", [(n,) for n in range(1000)])
        content = [(random.randbytes(100_000),) for _ in range(files)]
        connection.executemany("INSERT INTO files VALUES (?)", content)
        connection.commit()
    return path


class Given(Sources):
    """Sources that a test gives, in the place of the settings'."""

    def __init__(self, *sources: Source) -> None:
        self._given = {one.name: one for one in sources}

    @property
    def names(self) -> list[str]:
        return list(self._given)

    def of(self, plan: BackupPlan) -> Iterator[tuple[str, Callable[[], Source]]]:
        for name, source in self._given.items():
            if plan.source in ("all", name):
                yield name, partial(_same, source)

    def again(self, one: Summary, without: Collection[str] = ()) -> Source:
        del without
        return self._given[one.source]


def _same(source: Source) -> Source:
    return source


@dataclass
class Shelf:
    """Containers of one test's own: a destination each, the first called primary."""

    connection_string: str
    names: tuple[str, ...] = (PRIMARY,)
    seal: Seal | None = None
    drive: Drive | None = None
    word: str = field(default_factory=lambda: f"b{uuid.uuid4().hex[:12]}")
    reached_by: Mapping[str, str] = field(default_factory=dict)
    """Connection strings of destinations that are reached by another way, such as a proxy."""

    def container(self, name: str = PRIMARY, *, directly: bool = True) -> ContainerClient:
        way = self.connection_string if directly else self.reached_by.get(name)
        return ContainerClient.from_connection_string(
            way or self.connection_string, f"{self.word}{name}", retry_total=0
        )

    @cached_property
    def catalog(self) -> Catalog:
        return Catalog(
            Destination(name, partial(self.container, name, directly=False), self.seal)
            for name in self.names
        )

    @cached_property
    def meta(self) -> Meta:
        account = StorageAccount(connection_string=Secret(self.connection_string))
        connection = Connection(account)
        connection.create_table(self.word)
        return Meta(connection.table(self.word))

    @property
    def locks(self) -> Locks:
        return Locks(self.meta)

    def take(self, source: Source, job: JobContext | None = None, **plan: Any) -> dict[str, Any]:
        """One backup by a plan; what the job says of it."""
        result = self.take_all([source], job, source=source.name, **plan)
        (one,) = result["backups"]
        return dict(one)

    def take_all(
        self, sources: list[Source], job: JobContext | None = None, **plan: Any
    ) -> dict[str, Any]:
        """A round of a plan; the job's result, which must be JSON."""
        made = BackupPlan.model_validate({"source": "all"} | plan)
        given = Given(*sources)
        tools = Tools(given, self.catalog, self.seal, Alone(self.locks), lambda: self.drive)
        result = Round(tools, made, job or job_of()).run()
        return dict(json.loads(json.dumps(result)))

    def backups(self) -> list[Backup]:
        """Newest first."""
        return self.catalog.look().backups

    def states(self) -> list[dict[str, str]]:
        """Of each backup, newest first: the state of its copy at each destination."""
        return [{copy.destination: copy.state for copy in one.copies} for one in self.backups()]

    def everything(self, name: str = PRIMARY) -> list[str]:
        """The names of all blobs there."""
        with self.container(name) as container:
            return list(container.list_blob_names()) if container.exists() else []


class Meddled:
    """A source with something done between its steps."""

    def __init__(
        self,
        source: Source,
        *,
        in_dump: Callable[[], None] = lambda: None,
        after_dump: Callable[[], None] = lambda: None,
        in_restore: Callable[[], None] = lambda: None,
        contents: Callable[[Contents], Contents] = lambda contents: contents,
        dumped: Callable[[Contents], Contents] = lambda contents: contents,
        after: int = 1,
    ) -> None:
        self._source = source
        self.name, self.engine = source.name, source.engine
        self.database, self.suffix = source.database, source.suffix
        self.scope = source.scope
        self._in_dump, self._after_dump = in_dump, after_dump
        self._in_restore, self._contents, self._after = in_restore, contents, after
        self._dumped = dumped

    @contextmanager
    def dump(self, job: JobContext) -> Iterator[Dump]:
        with self._source.dump(job) as dump:
            yield replace(
                dump,
                chunks=_acting(dump.chunks, self._in_dump, self._after),
                contents=self._dumped(dump.contents),
            )
        self._after_dump()

    def prove(self, chunks: Iterator[bytes], job: JobContext) -> Contents:
        return self._contents(
            self._source.prove(_acting(chunks, self._in_restore, self._after), job)
        )

    def restore(self, chunks: Iterator[bytes], target: Target, job: JobContext) -> Restored:
        return self._source.restore(chunks, target, job)


def _acting(chunks: Iterator[bytes], action: Callable[[], None], after: int) -> Iterator[bytes]:
    """The same bytes; the action comes in the middle of that chunk, so that who reads them is
    still there."""
    for number, chunk in enumerate(chunks, 1):
        if number != after:
            yield chunk
            continue
        half = len(chunk) // 2
        yield chunk[:half]
        action()
        yield chunk[half:]
