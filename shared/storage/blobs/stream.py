"""Streams into blobs and out of them: in blocks of 4 MiB, hashed on the way.

The blocks are invisible until the last call lists them all, so a blob is whole or is not there.
At most two blocks are in flight while the next is made or used, so memory holds a few blocks,
whatever the size. While storage is unavailable, a transfer waits, and goes on with the block that
failed.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.errors import Conflict, Damaged, Refused, Unavailable
from shared.storage.blobs.blocks import Patience, ahead, blocks
from shared.storage.failures import translated

if TYPE_CHECKING:
    from azure.storage.blob import BlobBlock, BlobClient

BLOCK = 4 * 1024 * 1024
LATER_BLOCK = 8 * 1024 * 1024
_MOST_BLOCKS = 50_000
"""Azure's limit for a blob. The second half of the blocks are larger, for up to 290 GiB in all."""
PATIENCE = 600.0
"""Seconds for which storage may be unavailable."""
_SMALL = 64 * 1024 * 1024


def go_on() -> None:
    """The `check` of a call that nobody stops: it never raises."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """What went into a blob."""

    bytes: int
    sha256: str


@contextmanager
def storage(container: str) -> Iterator[None]:
    """Turn Azure's errors into Belfry's, which name the container."""
    with translated(f"blob storage (container {container})"):
        yield


class _Sums:
    """The size and the SHA-256 of the blocks that pass."""

    def __init__(self) -> None:
        self.size = 0
        self._sha256 = hashlib.sha256()

    def add(self, block: bytes) -> None:
        self.size += len(block)
        self._sha256.update(block)

    def stored(self) -> Stored:
        return Stored(bytes=self.size, sha256=self._sha256.hexdigest())


def upload(
    blob: BlobClient,
    pieces: Iterator[bytes],
    metadata: Callable[[Stored], Mapping[str, str]],
    check: Callable[[], None],
    *,
    tier: str | None = None,
    patience: float = PATIENCE,
) -> Stored:
    """Write `pieces` as a new blob, all or nothing.

    `metadata` is called once all blocks are staged; if it raises, there is no blob. It must be
    unique to this blob: if the answer to the commit is lost, the blob is recognised by it. `pieces`
    is closed however this ends. Raises `Conflict` if there is another blob of that name, and other
    `BelfryError`s.
    """
    from azure.storage.blob import BlobBlock

    sums, staged = _Sums(), list[BlobBlock]()
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
    stored = sums.stored()
    own = dict(metadata(stored))
    patient.call(partial(_commit, blob, staged, stored.bytes, own, tier))
    return stored


def _block_size(number: int) -> int:
    return BLOCK if number < _MOST_BLOCKS // 2 else LATER_BLOCK


def _stage(blob: BlobClient, name: str, block: bytes) -> None:
    """Stage a block. Storage checks its MD5; if the block was damaged on the way, `Unavailable` is
    raised, so that it is sent again."""
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


def _commit(
    blob: BlobClient,
    staged: list[BlobBlock],
    size: int,
    metadata: Mapping[str, str],
    tier: str | None,
) -> None:
    """Make the blob visible, but never overwrite another."""
    from azure.core import MatchConditions
    from azure.core.exceptions import ResourceExistsError
    from azure.storage.blob import ContentSettings, StandardBlobTier

    with storage(blob.container_name):
        try:
            blob.commit_block_list(
                staged,
                metadata=dict(metadata),
                content_settings=ContentSettings(content_type="application/octet-stream"),
                standard_blob_tier=None if tier is None else StandardBlobTier(tier),
                match_condition=MatchConditions.IfMissing,
            )
        except ResourceExistsError:  # another blob, or ours if the first answer was lost
            found = blob.get_blob_properties()
            if (found.size, found.metadata) != (size, metadata):
                raise Conflict(f"there is already another blob {blob.blob_name}") from None


def read_back(
    blob: BlobClient,
    size: int,
    sha256: str,
    check: Callable[[], None],
    *,
    patience: float = PATIENCE,
) -> str:
    """Read the blob, compare it with what was sent, and return its ETag. Raises `Damaged`."""
    sums, etag = _Sums(), _etag(blob, size, check, patience)
    with closing(pieces(blob, etag, size, check, patience=patience)) as read:
        for piece in read:
            check()
            sums.add(piece)
    _compare(blob, sums.stored(), size, sha256)
    return etag


def _etag(blob: BlobClient, size: int, check: Callable[[], None], patience: float) -> str:
    """The ETag of the blob. Raises `Damaged` if it has another size."""

    def properties() -> tuple[str, int]:
        with storage(blob.container_name), _present(blob):
            found = blob.get_blob_properties()
            return found.etag, found.size

    etag, found = Patience(check, patience).call(properties)
    if found != size:
        raise Damaged(f"{blob.blob_name}: {size} bytes were sent, {found} are there")
    return etag


def _compare(blob: BlobClient, found: Stored, size: int, sha256: str) -> None:
    if found.bytes != size:
        raise Damaged(f"{blob.blob_name}: {size} bytes were sent, {found.bytes} came back")
    if found.sha256 != sha256:
        raise Damaged(
            f"{blob.blob_name}: SHA-256 was {sha256} when sent, {found.sha256} when read back"
        )


def pieces(
    blob: BlobClient,
    etag: str,
    size: int,
    check: Callable[[], None] = go_on,
    *,
    patience: float = PATIENCE,
) -> Generator[bytes, None, None]:
    """The bytes of the very blob with that ETag, block by block; by default the SDK would begin
    with 32 MiB at once. A caller that stops early must close it, or reads go on unseen.

    Raises `Damaged` if the blob is gone or was replaced.
    """
    from azure.core import MatchConditions

    patient = Patience(check, patience)

    def read(offset: int) -> bytes:
        with storage(blob.container_name), _present(blob):
            content: bytes = blob.download_blob(
                offset,
                min(BLOCK, size - offset),
                etag=etag,
                match_condition=MatchConditions.IfNotModified,
            ).readall()
        return content

    offsets = range(0, size, BLOCK)
    calls = (partial(patient.call, partial(read, offset)) for offset in offsets)
    return ahead(calls, leave=patient.end)


def copy(
    source: BlobClient,
    target: BlobClient,
    size: int,
    sha256: str,
    metadata: Mapping[str, str],
    check: Callable[[], None],
    *,
    tier: str | None = None,
    patience: float = PATIENCE,
) -> str:
    """Copy the stored bytes of one blob to another, read the copy back, and return its ETag.

    Raises `Damaged` if the source has changed (then no blob is made) or if the copy is wrong;
    `Conflict` if there is another blob already. If the same blob is there, it is read back.
    """

    def compared(stored: Stored) -> Mapping[str, str]:
        _compare(source, stored, size, sha256)
        return metadata

    etag = _etag(source, size, check, patience)
    read = pieces(source, etag, size, check, patience=patience)
    upload(target, read, compared, check, tier=tier, patience=patience)
    return read_back(target, size, sha256, check, patience=patience)


def text(blob: BlobClient) -> bytes:
    """The content of a small blob. Raises `Damaged` if it is gone, or not small."""
    with storage(blob.container_name), _present(blob):
        found = blob.download_blob()
        if found.size > _SMALL:
            raise Damaged(f"{blob.blob_name} has {found.size} bytes; nothing here is so large")
        content: bytes = found.readall()
    return content


def write_once(
    blob: BlobClient,
    data: bytes,
    metadata: Mapping[str, str],
    *,
    content_type: str = "application/json",
    check: Callable[[], None] = go_on,
    patience: float = 0,
) -> None:
    """Write a small blob, unless the same is there already.

    Raises `Conflict` if something else is there.
    """
    from azure.core.exceptions import ResourceExistsError
    from azure.storage.blob import ContentSettings

    def write() -> None:
        with storage(blob.container_name):
            try:
                blob.upload_blob(
                    data,
                    length=len(data),
                    metadata=dict(metadata),
                    content_settings=ContentSettings(content_type=content_type),
                    validate_content=True,
                )
            except ResourceExistsError:  # another blob, or ours if the first answer was lost
                if text(blob) != data:
                    raise Conflict(f"there is already another blob {blob.blob_name}") from None

    Patience(check, patience).call(write)


@contextmanager
def _present(blob: BlobClient) -> Iterator[None]:
    """Raises `Damaged` if the blob is gone or was replaced: then it is no backup."""
    from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

    try:
        yield
    except ResourceNotFoundError as error:
        raise Damaged(f"{blob.blob_name} is gone; something removed it") from error
    except ResourceModifiedError as error:
        text = f"{blob.blob_name} was overwritten or removed while it was being read"
        raise Damaged(text) from error
