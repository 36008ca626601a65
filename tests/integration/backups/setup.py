"""What the backup tests share: a container of one's own, and sources that meddle."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from azure.storage.blob import ContainerClient

from shared.backups.model import MANIFEST_SUFFIX, Manifest
from shared.backups.service import Backups, list_backups
from shared.backups.source import Dump, Source
from shared.tasks.context import JobContext
from tests.context import job_of


@dataclass(frozen=True)
class Shelf:
    """A container of one test's own."""

    connection_string: str
    name: str = field(default_factory=lambda: f"b{uuid.uuid4().hex[:12]}")

    def open(self) -> ContainerClient:
        return ContainerClient.from_connection_string(self.connection_string, self.name)

    def take(self, source: Source, job: JobContext | None = None) -> Mapping[str, Any]:
        return Backups(self.open, {source.name: lambda: source}).take(source.name, job or job_of())

    def blobs(self) -> dict[str, str]:
        """The names of the blobs that are not manifests, and what each says of `verified`."""
        with self.open() as container:
            if not container.exists():
                return {}
            return {
                item.name: item.metadata["verified"]
                for item in container.list_blobs(include=["metadata"])
                if not item.name.endswith(MANIFEST_SUFFIX)
            }

    def everything(self) -> list[str]:
        with self.open() as container:
            return list(container.list_blob_names()) if container.exists() else []

    def manifests(self, database: str) -> list[Manifest]:
        with self.open() as container:
            return list(list_backups(container, database))


class Meddled:
    """A source with something done between its steps."""

    def __init__(
        self,
        source: Source,
        *,
        in_dump: Callable[[], None] = lambda: None,
        after_upload: Callable[[], None] = lambda: None,
        in_restore: Callable[[], None] = lambda: None,
        counts: Callable[[Mapping[str, int]], Mapping[str, int]] = dict,
        after: int = 1,
    ) -> None:
        self._source = source
        self.name, self.engine = source.name, source.engine
        self.database, self.suffix = source.database, source.suffix
        self._in_dump, self._after_upload = in_dump, after_upload
        self._in_restore, self._counts, self._after = in_restore, counts, after

    @contextmanager
    def dump(self, job: JobContext) -> Iterator[Dump]:
        with self._source.dump(job) as dump:
            yield replace(dump, chunks=_acting(dump.chunks, self._in_dump, self._after))
        self._after_upload()

    def restore(self, chunks: Iterator[bytes], job: JobContext) -> Mapping[str, int]:
        return self._counts(
            self._source.restore(_acting(chunks, self._in_restore, self._after), job)
        )


def _acting(chunks: Iterator[bytes], action: Callable[[], None], after: int) -> Iterator[bytes]:
    """The same chunks; the action comes after so many of them."""
    for number, chunk in enumerate(chunks, 1):
        yield chunk
        if number == after:
            action()
