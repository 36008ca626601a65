"""Uploads: a new blob is staged in blocks, and becomes visible when it is committed.

The commit lists all blocks at once, so a blob is either complete or not there. It also writes the
metadata, which may therefore depend on all bytes of the blob. Storage drops blocks that were never
committed after a week. Memory use and waiting are as in `stream`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.errors import Conflict, Refused, Unavailable
from shared.storage.blobs import stream
from shared.storage.blobs.blocks import Patience, ahead, blocks
from shared.storage.blobs.stream import PATIENCE, Stored, storage

if TYPE_CHECKING:
    from azure.storage.blob import BlobBlock, BlobClient

LATER_BLOCK = 8 * 1024 * 1024
_MOST_BLOCKS = 50_000
"""Azure's limit for one blob. The blocks of the second half are larger, so that a blob can have
290 GiB."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A blob whose bytes are all in storage, but which is invisible until it is committed."""

    stored: Stored
    _blob: BlobClient
    _blocks: Sequence[BlobBlock]
    _patient: Patience

    def commit(self, metadata: Mapping[str, str], *, tier: str | None = None) -> None:
        """Make the blob visible. This never overwrites another blob.

        `metadata` must be unique to this blob, because the blob is recognised by it if the answer
        is lost. Raises `Conflict` if another blob has that name, and other `BelfryError`s.
        """
        self._patient.call(partial(self._commit, dict(metadata), tier))

    def _commit(self, metadata: dict[str, str], tier: str | None) -> None:
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceExistsError
        from azure.storage.blob import ContentSettings, StandardBlobTier

        blob = self._blob
        with storage(blob.container_name):
            try:
                blob.commit_block_list(
                    list(self._blocks),
                    metadata=metadata,
                    content_settings=ContentSettings(content_type="application/octet-stream"),
                    standard_blob_tier=None if tier is None else StandardBlobTier(tier),
                    match_condition=MatchConditions.IfMissing,
                )
            except ResourceExistsError:  # another blob, or ours if the first answer was lost
                found = blob.get_blob_properties()
                if (found.size, found.metadata) != (self.stored.bytes, metadata):
                    raise Conflict(f"there is already another blob {blob.blob_name}") from None


def stage(
    blob: BlobClient,
    pieces: Iterator[bytes],
    check: Callable[[], None],
    *,
    patience: float = PATIENCE,
) -> Staged:
    """Send `pieces` to storage as the blocks of a new blob, without committing it.

    `pieces` is closed, however this ends. Raises `Refused` if they are larger than a blob can be,
    and other `BelfryError`s.
    """
    from azure.storage.blob import BlobBlock

    sums, staged = stream.Sums(), list[BlobBlock]()
    patient = Patience(check, patience)
    mark = uuid.uuid4().hex

    def calls() -> Iterator[Callable[[], object]]:
        for number, block in enumerate(blocks(pieces, _block_size)):
            check()
            if number >= _MOST_BLOCKS:
                service = f"blob storage (container {blob.container_name})"
                raise Refused(service, f"{blob.blob_name}: it is larger than a blob can be")
            sums.add(block)
            name = f"{mark}-{number:06}"
            staged.append(BlobBlock(name))
            yield partial(patient.call, partial(_stage, blob, name, block))

    try:
        for _ in ahead(calls(), leave=patient.end):
            check()
    finally:
        if isinstance(pieces, Generator):
            pieces.close()
    check()
    return Staged(sums.stored(), blob, staged, patient)


def _block_size(number: int) -> int:
    return stream.BLOCK if number < _MOST_BLOCKS // 2 else LATER_BLOCK


def _stage(blob: BlobClient, name: str, block: bytes) -> None:
    """Stage a block. Storage checks its MD5. If the block was damaged on the way, this raises
    `Unavailable`, so that the block is sent again."""
    from azure.core.exceptions import HttpResponseError

    with storage(blob.container_name):
        try:
            blob.stage_block(name, block, length=len(block), validate_content=True)
        except HttpResponseError as error:
            code: Any = getattr(error, "error_code", None)
            if str(getattr(code, "value", code)) != "Md5Mismatch":
                raise
            service = f"blob storage (container {blob.container_name})"
            raise Unavailable(service, "a block was damaged on the way to it") from error


def copy(
    source: BlobClient,
    target: BlobClient,
    size: int,
    sha256: str,
    metadata: Mapping[str, str],
    check: Callable[[], None],
    *,
    tier: str | None = None,
) -> str:
    """Copy the stored bytes of one blob to another, read the copy back, and return its ETag.

    Raises `Damaged` if the source has changed (then nothing is committed) or if the copy is wrong,
    and `Conflict` if another blob has that name. If the same copy exists already, it is read back.
    """
    etag = stream.etag_of(source, size, check)
    staged = stage(target, stream.pieces(source, etag, size, check), check)
    stream.compare(source, staged.stored, size, sha256)
    staged.commit(metadata, tier=tier)
    return stream.read_back(target, size, sha256, check)
