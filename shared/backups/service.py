"""Taking a backup and proving it.

dump, compress, hash, upload; read back, compare the hash; restore, compare the row counts; only
then `verified`. Whatever fails on the way, no blob is left that looks like a proved backup.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from shared.backups.container import create, list_backups, plain, remove, remove_earlier
from shared.backups.model import Manifest, blob_name, differences, manifest_name
from shared.backups.source import Source
from shared.backups.stream import Stored, decompressed, read_back, storage, upload
from shared.clock import monotonic
from shared.errors import Damaged, Misconfigured
from shared.log import Event, event
from shared.settings import Settings
from shared.tasks.context import JobContext

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

_logger = logging.getLogger("belfry.backups")

__all__ = ["Backups", "list_backups", "sources_from"]


def sources_from(settings: Settings) -> Mapping[str, Callable[[], Source]]:
    """What the settings allow to be backed up; each raises `Misconfigured` if it is not set."""

    def database() -> Source:
        from shared.backups.sqlite import SqliteSource

        if settings.database_path is None:
            raise Misconfigured("DATABASE_PATH is not set; give it the path of a SQLite database")
        return SqliteSource(settings.database_path)

    def postgres() -> Source:
        from shared.backups.postgres import PostgresSource

        if not settings.postgres_url:
            raise Misconfigured(
                "POSTGRES_URL is not set; use postgresql://user:password@host:port/database"
            )
        return PostgresSource(
            settings.postgres_url,
            scratch_url=settings.postgres_scratch_url or None,
            folder=settings.postgres_bin,
        )

    return {"database": database, "postgres": postgres}


class Backups:
    """The backup service over one container and the sources that are configured."""

    def __init__(
        self,
        container: Callable[[], ContainerClient],
        sources: Mapping[str, Callable[[], Source]],
    ) -> None:
        self._container = container
        self._sources = sources

    def take(self, source: str, job: JobContext) -> Mapping[str, object]:
        """Back up the named source and prove the backup; the manifest as a JSON object."""
        if source not in self._sources:
            known = ", ".join(sorted(self._sources))
            raise Misconfigured(f"there is no backup source {source!r}; there are {known}")
        chosen = self._sources[source]()
        with self._container() as container:
            create(container)
            if job.attempt > 1:
                remove_earlier(container, chosen.database, job)
            manifest = _taken(_Taking(chosen, container, job))
        _tell(manifest, job)
        return manifest.to_json()


def _taken(taking: _Taking) -> Manifest:
    """The proved backup; or an error, with nothing left that is not marked as unproved."""
    try:
        return taking.prove(*taking.upload())
    except Damaged as error:
        kept = f"{error} (kept as {taking.name} for examination, marked not verified)"
        raise Damaged(kept) from error
    except BaseException:
        taking.remove()
        raise


class _Taking:
    """One backup under way."""

    def __init__(self, source: Source, container: ContainerClient, job: JobContext) -> None:
        self._source = source
        self._job = job
        self._id = uuid.uuid4().hex
        self._at = job.clock.now()
        # The id's part keeps two backups of one second apart.
        suffix = f"{self._id[:8]}.{source.suffix}"
        self.name = blob_name(source.database, self._at, suffix)
        self._blob = container.get_blob_client(self.name)
        self._beside = container.get_blob_client(manifest_name(self.name))

    def upload(self) -> tuple[Manifest, Stored]:
        """Dump into a blob, not verified, and write the manifest beside it."""
        began = monotonic()
        self._job.log("dumping", database=self._source.database, blob=self.name)
        with self._source.dump(self._job) as dump:
            self._job.check()
            stored = upload(self._blob, dump.chunks, self._metadata(False), self._job.check)
        manifest = Manifest(
            id=self._id,
            source=self._source.name,
            engine=self._source.engine,
            engine_version=dump.engine_version,
            dump_version=dump.dump_version,
            database=self._source.database,
            blob=self.name,
            started_at=self._at,
            finished_at=self._job.clock.now(),
            duration_seconds=round(monotonic() - began, 3),
            bytes=stored.bytes,
            uncompressed_bytes=stored.uncompressed_bytes,
            sha256=stored.sha256,
            tables=dump.tables,
            verified=False,
            verified_at=None,
            verify_seconds=None,
            job_id=self._job.job_id,
            attempt=self._job.attempt,
        )
        self._write(manifest)
        self._job.log("uploaded", bytes=stored.bytes, sha256=stored.sha256)
        return manifest, stored

    def prove(self, manifest: Manifest, stored: Stored) -> Manifest:
        """Read back, restore, compare, and mark as verified. Raises `Damaged`."""
        began = monotonic()
        etag = read_back(self._blob, stored, self._job.check)
        self._job.log("read back, SHA-256 agrees", bytes=stored.bytes)
        with closing(decompressed(self._blob, etag, stored, self._job.check)) as chunks:
            restored = self._source.restore(chunks, self._job)
        if wrong := differences(manifest.tables, restored):
            raise Damaged(f"{self.name}: {wrong}")
        self._job.log("restored, row counts agree", tables=len(restored))
        self._job.check()
        proved = replace(
            manifest,
            verified=True,
            verified_at=self._job.clock.now(),
            verify_seconds=round(monotonic() - began, 3),
        )
        self._mark(etag)
        self._write(proved)
        return proved

    def remove(self) -> None:
        """Remove what this attempt wrote; what cannot be removed is still marked not verified."""
        remove(self._blob, self._id)
        remove(self._beside, self._id)

    def _mark(self, etag: str) -> None:
        """Mark the very blob that was restored."""
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

        with storage(self._blob.container_name):
            try:
                self._blob.set_blob_metadata(
                    self._metadata(True), etag=etag, match_condition=MatchConditions.IfNotModified
                )
            except (ResourceModifiedError, ResourceNotFoundError) as error:
                if not self._marked():  # else it is ours, and the first answer was lost
                    text = f"{self.name} was changed or removed while it was being verified"
                    raise Damaged(text) from error

    def _marked(self) -> bool:
        from azure.core.exceptions import ResourceNotFoundError

        try:
            return bool(self._blob.get_blob_properties().metadata == self._metadata(True))
        except ResourceNotFoundError:
            return False

    def _write(self, manifest: Manifest) -> None:
        text = json.dumps(manifest.to_json(), indent=2)
        with storage(self._blob.container_name):
            metadata = self._metadata(manifest.verified)
            self._beside.upload_blob(text.encode(), overwrite=True, metadata=metadata)

    def _metadata(self, verified: bool) -> dict[str, str]:
        return {
            "verified": str(verified).lower(),
            "backup_id": self._id,
            "job_id": plain(self._job.job_id),
            "attempt": str(self._job.attempt),
        }


def _tell(manifest: Manifest, job: JobContext) -> None:
    event(
        _logger,
        Event.BACKUP_VERIFIED,
        job_id=job.job_id,
        database=manifest.database,
        blob=manifest.blob,
        bytes=manifest.bytes,
        tables=len(manifest.tables),
        seconds=round(manifest.duration_seconds + (manifest.verify_seconds or 0), 3),
    )
