"""A destination: one container that backups go to, with all operations on it.

Where a `check` is given, no further attempt begins once it raises.

Everything is written once and never changed, so a container with an immutability policy works like
any other; only retention has to wait there until the policy expires.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Any

from shared.backups.model import (
    Manifest,
    Report,
    checksum_name,
    checksum_text,
    manifest_name,
    report_name,
)
from shared.backups.store.codec import Codec
from shared.backups.store.encryption import Seal
from shared.backups.store.entries import Copies, Copy
from shared.backups.store.listing import copies
from shared.backups.store.metadata import about_backup, about_report
from shared.backups.store.parsing import UNREADABLE, manifest_of
from shared.backups.store.reading import Readings
from shared.errors import Conflict, Damaged
from shared.storage.blobs import stream, upload
from shared.storage.blobs.container import Blob, Container, Opening
from shared.storage.blobs.stream import go_on
from shared.storage.blobs.upload import Staged


class Destination:
    """A container. `seal` decrypts what is encrypted, and encrypts what should be."""

    def __init__(self, name: str, container: Opening, seal: Seal | None = None) -> None:
        self.name = name
        self._container = Container(container)
        self._seal = seal
        self._readings = Readings(seal)

    @property
    def service(self) -> str:
        """What error messages call it."""
        return self._container.service

    def create(self, check: Callable[[], None] = go_on) -> None:
        """Create the container if needed; who may not create it may still write."""
        self._container.create(check)

    def copies(self, check: Callable[[], None] = go_on) -> Copies:
        """The copies of all backups here."""
        with self._readings.look(lambda name: stream.text(self.blob(name, check))) as read:
            return copies(self.name, self._container.items(check), self._seal, read)

    def stage(self, name: str, pieces: Iterator[bytes], check: Callable[[], None]) -> Staged:
        """Write a backup's blob, all but its commit."""
        return upload.stage(self.blob(name, check), pieces, check)

    def commit(self, staged: Staged, manifest: Manifest, *, tier: str | None) -> None:
        """Make a backup's blob visible; its metadata is the manifest's summary."""
        staged.commit(self._about(manifest), tier=tier)

    def write_manifest(
        self,
        manifest: Manifest,
        check: Callable[[], None] | None = None,
        there: Iterable[str] = (),
    ) -> None:
        """Write the manifest and the file for `sha256sum -c` beside the blob, except those whose
        names are in `there`.

        With `check` it waits while storage is unavailable.
        """
        name, checksum = manifest_name(manifest.blob), checksum_name(manifest.blob)
        if name not in there:
            text = json.dumps(manifest.to_json(), indent=2).encode()
            self._write(name, text, self._about(manifest), manifest.encrypted, check)
        if checksum not in there:
            stream.write_once(
                self.blob(checksum, check),
                checksum_text(manifest),
                {"backup_id": manifest.id},
                content_type="text/plain",
                **_patience(check),
            )

    def write_report(
        self,
        blob: str,
        report: Report,
        *,
        encrypted: bool,
        check: Callable[[], None] | None = None,
    ) -> None:
        """Write a report beside its blob. With `check` it waits while storage is unavailable."""
        report = report.cleaned
        text = json.dumps(report.to_json(), indent=2).encode()
        metadata = about_report(report, self._need_seal() if encrypted else None)
        name = report_name(blob, report.outcome, report.at)
        self._write(name, text, metadata, encrypted, check)

    def manifest(self, copy: Copy, check: Callable[[], None] = go_on) -> Manifest:
        """The copy's manifest. Raises `Damaged` if it is gone, garbled, or another backup's."""
        name = manifest_name(copy.blob)
        content = stream.text(self.blob(name, check))
        if copy.summary.encrypted:
            content = self._need_seal().open(content)
        try:
            found = manifest_of(content, None)
        except UNREADABLE as error:
            raise Damaged(f"{name} is not a manifest: {error}") from error
        if found.summary != copy.summary or found.blob != copy.blob:
            if found.id != copy.summary.id:
                raise Damaged(f"{name} is the manifest of another backup, {found.id}")
            raise Damaged(f"{name} says something else of this backup than its blob does")
        return found

    def read_back(self, copy: Copy, check: Callable[[], None]) -> str:
        """Read all of the copy's blob, compare its SHA-256, return its ETag. Raises `Damaged`."""
        one = copy.summary
        return stream.read_back(self.blob(copy.blob, check), one.bytes, one.sha256, check)

    def unchanged(self, copy: Copy, etag: str, check: Callable[[], None]) -> None:
        """Raises `Damaged` if the copy's blob no longer has that ETag."""
        with closing(stream.pieces(self.blob(copy.blob, check), etag, 1, check)) as first:
            next(first)

    def chunks(
        self, copy: Copy, etag: str, check: Callable[[], None]
    ) -> Generator[bytes, None, None]:
        """The dump as the source made it, from the very blob with that ETag. Must be closed."""
        seal = self._need_seal() if copy.summary.encrypted else None
        codec = Codec(copy.summary.compression, seal)
        with closing(
            stream.pieces(self.blob(copy.blob, check), etag, copy.summary.bytes, check)
        ) as pieces:
            yield from codec.decode(pieces, check)

    def reader(self, copy: Copy) -> Callable[[int, int], bytes]:
        """A function that reads a range (offset, length) of the copy's blob. It fails once the blob
        has been replaced."""
        return self._container.reader(copy.blob)

    def copy_from(
        self, other: Destination, copy: Copy, check: Callable[[], None], *, tier: str | None
    ) -> Copy:
        """Copy a whole backup from `other` to here, and read it back. The caller writes the report.

        Raises `Damaged` if the blob there is not what its manifest says.
        """
        self.create(check)
        manifest = other.manifest(copy, check)
        upload.copy(
            other.blob(copy.blob, check),
            self.blob(copy.blob, check),
            manifest.bytes,
            manifest.sha256,
            self._about(manifest),
            check,
            tier=tier,
        )
        self.write_manifest(manifest, check)
        return Copy.made(self.name, copy.blob, copy.summary)

    def complete(self, there: Copy, manifest: Manifest, check: Callable[[], None]) -> Copy:
        """Finish an interrupted copy: read back what lies here, write what is missing.

        Nothing is removed, since a container may forbid that. The caller writes the report. Raises
        `Damaged` if what lies here is not what the manifest says.
        """
        if there.summary != manifest.summary:
            raise Damaged(f"{there.blob} is not a copy of backup {manifest.id}")
        self.read_back(there, check)
        if there.has_manifest:
            self.manifest(there, check)
        self.write_manifest(manifest, check, there.names)
        return there

    def lying_at(self, blob: str, check: Callable[[], None] = go_on) -> list[str]:
        """The names of what lies here of a backup: its blob, and the files beside it."""
        return self._container.names(blob, check)

    def remove(
        self,
        blob: str,
        names: Iterable[str],
        check: Callable[[], None] = go_on,
        *,
        hastily: bool = False,
    ) -> None:
        """Remove a backup's blob and the files beside it. `hastily`: try only once, for a short
        time.

        Raises `Refused` if an immutability policy holds it.
        """
        for name in _in_order(blob, names):
            self._container.delete(name, check, hastily=hastily)

    def blob(self, name: str, check: Callable[[], None] | None = None) -> Blob:
        """A blob's client; with `check`, one whose calls end with what it raises."""
        return self._container.blob(name, check)

    def _write(
        self,
        name: str,
        text: bytes,
        metadata: dict[str, str],
        encrypted: bool,
        check: Callable[[], None] | None,
    ) -> None:
        content = self._need_seal().seal(text) if encrypted else text
        kind = "application/octet-stream" if encrypted else "application/json"
        blob = self.blob(name, check)
        stream.write_once(blob, content, metadata, content_type=kind, **_patience(check))

    def _about(self, manifest: Manifest) -> dict[str, str]:
        """The metadata of a backup's blob and of its manifest."""
        return about_backup(manifest.summary, self._need_seal() if manifest.encrypted else None)

    def _need_seal(self) -> Seal:
        if self._seal is None:
            raise Conflict("it is encrypted, and BACKUP_ENCRYPTION_KEY is not set")
        return self._seal


def _patience(check: Callable[[], None] | None) -> dict[str, Any]:
    return {} if check is None else {"check": check, "patience": stream.PATIENCE}


def _in_order(blob: str, names: Iterable[str]) -> list[str]:
    """The order in which to remove a backup's files: reports first, oldest before newest, the blob
    last. If the removal is interrupted, the state of the rest is unchanged or `unproved`."""
    ranks = {blob: 3, checksum_name(blob): 2, manifest_name(blob): 1}
    return sorted(names, key=lambda name: (ranks.get(name, 0), name))
