"""Takes one backup, and proves it.

The steps are: dump, compress, encrypt, hash and upload; write the manifest; read the backup back
and compare the hash; restore it and compare the contents. Only then is the report written that says
`verified`. Whatever fails on the way, nothing that looks like a proved backup remains.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TypeVar

from shared.backups.model import (
    Manifest,
    Outcome,
    Report,
    blob_name,
    checksum_name,
    differences,
    manifest_name,
    report_name,
    sealed_name,
)
from shared.backups.params import BackupPlan
from shared.backups.source import Dump, Source
from shared.backups.store.codec import Codec
from shared.backups.store.destination import Destination
from shared.backups.store.encryption import Seal
from shared.backups.store.entries import Copy
from shared.errors import (
    BelfryError,
    Conflict,
    Damaged,
    NotFound,
    Refused,
    Unavailable,
    Unprovable,
)
from shared.log import short
from shared.storage.blobs.container import Item
from shared.storage.blobs.stream import Stored, go_on
from shared.tasks.context import JobContext

_ERROR = 500
"""The longest error in a report, in units of UTF-16: the report must fit into a blob's metadata."""

Wrong = TypeVar("Wrong", bound=Damaged | Unprovable)
Suspect = Callable[[Manifest], tuple[str, ...]]
Confirm = Callable[[], None]
"""Raises if this process may no longer report on the backup (see `lock`)."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A proved backup."""

    manifest: Manifest
    copy: Copy
    report: Report


def take(
    source: Source,
    plan: BackupPlan,
    seal: Seal | None,
    destination: Destination,
    suspect: Suspect,
    job: JobContext,
    confirm: Confirm = go_on,
) -> Taken:
    """Back up a source to one destination, and prove it.

    Raises `Damaged` if the proof fails, and `Unprovable` if the data breaks the database's own
    rules. In both cases the backup is kept, with a report that says so.
    """
    taking = _Taking(source, plan, seal, destination, job)
    copy = None
    try:
        manifest = taking.upload()
        copy = Copy.made(destination.name, taking.blob, manifest.summary)
        report = prove(source, destination, copy, manifest, job, suspect, confirm)
    except (Damaged, Unprovable):
        raise
    except BaseException:
        taking.remove([] if copy is None else copy.names)
        raise
    return Taken(manifest, copy, report)


def prove(
    source: Source,
    destination: Destination,
    copy: Copy,
    manifest: Manifest,
    job: JobContext,
    suspect: Suspect | None = None,
    confirm: Confirm = go_on,
) -> Report:
    """Read a copy back, restore it into a scratch database, compare, and write the report.

    Raises `Damaged` or `Unprovable`, after writing a report that says so.
    """
    try:
        proved = _proved(source, destination, copy, manifest, job)
    except (Damaged, Unprovable) as error:
        confirm()
        said = tell_damaged(destination, copy, error, job)
        kept = f"kept as {copy.blob} at {destination.name}"
        why = "to be examined" if isinstance(error, Damaged) else "as it was dumped"
        raise type(error)(f"{said} ({kept}, {why})") from error
    suspicious = suspect(manifest) if suspect is not None else ()
    confirm()
    report = Report(
        backup_id=manifest.id,
        outcome=Outcome.VERIFIED,
        at=copy.next_report(job.clock.now()),
        job_id=job.job_id,
        how="restored",
        restore_seconds=round(proved.seconds, 3),
        read_seconds=round(proved.read_seconds, 3),
        suspicions=suspicious,
        without=proved.without,
    )
    # Recorded before it is written: if the answer is lost, the report may exist nevertheless, and
    # must be removed with the rest.
    copy.items.append(Item(report_name(copy.blob, report.outcome, report.at), 0, {}))
    destination.write_report(copy.blob, report, encrypted=manifest.encrypted, check=job.check)
    copy.reports.append(report)
    return report


def tell_damaged(destination: Destination, copy: Copy, error: Wrong, job: JobContext) -> Wrong:
    """Write a report that says that a copy is damaged or unprovable. Returns the error to raise; if
    the report could not be written, the error says that too. Raises `NotFound` if the copy was
    removed meanwhile."""
    report = Report(
        backup_id=copy.summary.id,
        outcome=Outcome.DAMAGED if isinstance(error, Damaged) else Outcome.UNPROVABLE,
        at=copy.next_report(job.clock.now()),
        job_id=job.job_id,
        how="restored",
        error=short(str(error), _ERROR),
    )
    try:
        if not destination.lying_at(copy.blob):
            text = f"{copy.blob} is not at {destination.name} any more; it was removed meanwhile"
            raise NotFound(text)
        destination.write_report(copy.blob, report, encrypted=copy.summary.encrypted)
    except (Unavailable, Refused, Conflict) as failure:
        return type(error)(f"{error}; its report could not be written: {failure}")
    copy.reports.append(report)
    return error


@dataclass(frozen=True, slots=True)
class _Proved:
    seconds: float
    """To read the copy back, restore it and count its rows."""
    read_seconds: float
    """The part of `seconds` that it took to read the copy back."""
    without: tuple[str, ...]


def _proved(
    source: Source, destination: Destination, copy: Copy, manifest: Manifest, job: JobContext
) -> _Proved:
    """Prove a copy, without writing a report. Raises `Damaged` or `Unprovable`."""
    began = job.clock.monotonic()
    etag = destination.read_back(copy, job.check)
    job.log("read back, SHA-256 agrees", destination=destination.name, bytes=manifest.bytes)
    read = job.clock.monotonic()
    with closing(destination.chunks(copy, etag, job.check)) as chunks:
        restored = source.prove(chunks, job)
    if wrong := differences(manifest.contents, restored):
        raise Damaged(f"{copy.blob}: {wrong}")
    destination.unchanged(copy, etag, job.check)  # counting rows may have taken long
    seconds = job.clock.monotonic() - began
    rows = sum(restored.tables.values())
    job.log("restored; schema and rows agree", tables=len(restored.tables), rows=rows)
    if restored.without:
        said = "left out, since the data breaks it"
        job.log(said, level=logging.WARNING, without=", ".join(restored.without))
    job.check()
    return _Proved(seconds, read - began, restored.without)


class _Taking:
    """One backup that is being taken."""

    def __init__(
        self,
        source: Source,
        plan: BackupPlan,
        seal: Seal | None,
        destination: Destination,
        job: JobContext,
    ) -> None:
        self._source = source
        self._plan = plan
        self._seal = seal
        self._destination = destination
        self._job = job
        self._id = uuid.uuid4().hex
        self._at = job.clock.now()
        self._began = job.clock.monotonic()
        self._codec = Codec(plan.compression, seal)
        # The name contains a part of the id, so that two backups of the same second differ.
        if seal is None:
            ending = f"{self._id[:8]}.{source.suffix}{self._codec.ending}"
            self.blob = blob_name(source.name, source.database, self._at, ending)
        else:
            self.blob = sealed_name(self._at, f"{self._id[:8]}{self._codec.ending}")

    def upload(self) -> Manifest:
        """Dump into a blob, and write the manifest beside it. The blob is committed after the
        manifest is made, because its metadata contains a part of the manifest."""
        job, source, destination = self._job, self._source, self._destination
        job.log("dumping", source=source.name, database=source.database, blob=self.blob)
        with source.dump(job) as dump:
            job.check()
            pieces = self._codec.encode(dump.chunks, job.check)
            staged = destination.stage(self.blob, iter(pieces), job.check)
        manifest = self._manifest(dump, staged.stored, pieces.taken)
        tier = self._plan.tier.value if self._plan.tier is not None else None
        destination.commit(staged, manifest, tier=tier)
        destination.write_manifest(manifest, job.check)
        job.log("uploaded", bytes=manifest.bytes, sha256=manifest.sha256)
        return manifest

    def _manifest(self, dump: Dump, stored: Stored, taken: int) -> Manifest:
        return Manifest(
            id=self._id,
            schedule_id=self._job.schedule_id,
            job_id=self._job.job_id,
            attempt=self._job.attempt,
            source=self._source.name,
            engine=self._source.engine,
            engine_version=dump.engine_version,
            dump_version=dump.dump_version,
            database=self._source.database,
            scope=self._source.scope,
            started_at=self._at,
            finished_at=self._job.clock.now(),
            duration_seconds=round(self._job.clock.monotonic() - self._began, 3),
            compression=self._plan.compression.value,
            encrypted=self._seal is not None,
            bytes=stored.bytes,
            uncompressed_bytes=taken,
            sha256=stored.sha256,
            blob=self.blob,
            tables=dict(dump.contents.tables),
            schema=dict(dump.contents.schema),
            schemas=self._plan.schemas,
            exclude_schemas=self._plan.exclude_schemas,
        )

    def remove(self, more: Iterable[str]) -> None:
        """Remove what was written, and `more`. What cannot be removed at least does not count as
        verified. A job that was told to stop does not wait for storage that is unavailable."""
        names = {manifest_name(self.blob), checksum_name(self.blob), self.blob, *more}
        with suppress(BelfryError):
            if self._job.stop.is_set():
                self._destination.remove(self.blob, names, hastily=True)
            else:
                self._destination.remove(self.blob, names, self._job.check)
