"""Reads blobs as streams, in blocks of 4 MiB, and hashes them; reads and writes small blobs in one
piece. `upload` writes blobs from streams.

At most two blocks are in flight while the next one is made or used, so only a few blocks are in
memory, whatever the size of the blob. While storage is unavailable, a transfer waits, and then goes
on with the block that failed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from shared.errors import Conflict, Damaged
from shared.storage.blobs.blocks import Patience, ahead
from shared.storage.failures import translated

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

BLOCK = 4 * 1024 * 1024
PATIENCE = 600.0
"""How long a transfer waits for storage that is unavailable, in seconds."""
_SMALL = 64 * 1024 * 1024
_NO_SUCH_RANGE = 416


def go_on() -> None:
    """A `check` that never raises, for calls that nobody stops."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """The size and hash of the bytes that were written to a blob, or read from it."""

    bytes: int
    sha256: str


@contextmanager
def storage(container: str) -> Iterator[None]:
    """Translate Azure's errors into Belfry's, which name the container."""
    with translated(f"blob storage (container {container})"):
        yield


class Sums:
    """Adds up the size and the SHA-256 of blocks."""

    def __init__(self) -> None:
        self.size = 0
        self._sha256 = hashlib.sha256()

    def add(self, block: bytes) -> None:
        self.size += len(block)
        self._sha256.update(block)

    def stored(self) -> Stored:
        return Stored(bytes=self.size, sha256=self._sha256.hexdigest())


def read_back(
    blob: BlobClient,
    size: int,
    sha256: str,
    check: Callable[[], None],
    *,
    patience: float = PATIENCE,
) -> str:
    """Read the blob, compare it with what was sent, and return its ETag. Raises `Damaged`."""
    sums, etag = Sums(), etag_of(blob, size, check, patience=patience)
    with closing(pieces(blob, etag, size, check, patience=patience)) as read:
        for piece in read:
            check()
            sums.add(piece)
    compare(blob, sums.stored(), size, sha256)
    return etag


def etag_of(
    blob: BlobClient, size: int, check: Callable[[], None], *, patience: float = PATIENCE
) -> str:
    """The blob's ETag. Raises `Damaged` if the blob's size is not `size`."""

    def properties() -> tuple[str, int]:
        with storage(blob.container_name), _present(blob):
            found = blob.get_blob_properties()
            return found.etag, found.size

    etag, found = Patience(check, patience).call(properties)
    if found != size:
        raise Damaged(f"{blob.blob_name}: {size} bytes were sent, {found} are there")
    return etag


def compare(blob: BlobClient, found: Stored, size: int, sha256: str) -> None:
    """Raises `Damaged` if what was found in the blob differs from what was sent."""
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
    """The bytes of the blob with exactly that ETag, block by block. (By default, the SDK would
    begin with a read of 32 MiB.) A caller that stops early must close the generator; otherwise
    reads go on in the background.

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


def text(blob: BlobClient) -> bytes:
    """The content of a small blob. Raises `Damaged` if it is gone, or not small."""
    with storage(blob.container_name), _present(blob):
        found = blob.download_blob()
        if found.size > _SMALL:
            raise Damaged(f"{blob.blob_name} has {found.size} bytes; nothing here is so large")
        content: bytes = found.readall()
    return content


def some(blob: BlobClient, offset: int, length: int) -> bytes:
    """A part of a blob that is never changed. Raises `Damaged` if the blob is gone, or ends
    before."""
    from azure.core.exceptions import HttpResponseError

    with storage(blob.container_name), _present(blob):
        try:
            content: bytes = blob.download_blob(offset, length).readall()
        except HttpResponseError as error:
            if error.status_code != _NO_SUCH_RANGE:
                raise
            content = b""
    if len(content) != length:
        raise Damaged(f"{blob.blob_name} ends before byte {offset + length}")
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
    """Write a small blob, unless it exists with the same content.

    Raises `Conflict` if it exists with another content.
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
    """Raises `Damaged` if the blob is gone or was replaced, since it is then no longer a backup."""
    from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

    try:
        yield
    except ResourceNotFoundError as error:
        raise Damaged(f"{blob.blob_name} is gone; something removed it") from error
    except ResourceModifiedError as error:
        text = f"{blob.blob_name} was overwritten or removed while it was being read"
        raise Damaged(text) from error
