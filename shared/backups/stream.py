"""Streams between a source and a blob: compressed, hashed, in blocks of 4 MiB.

The blocks are invisible until the last call lists them all, so a blob is whole or is not there.
Two blocks are on their way while the next is made or used, and no more: memory holds a few
blocks, whatever the size.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, TypeVar, cast

from shared.errors import Damaged, Unavailable
from shared.storage.failures import translated

if TYPE_CHECKING:
    from azure.storage.blob import BlobBlock, BlobClient

T = TypeVar("T")

BLOCK = 4 * 1024 * 1024
_AHEAD = 2
_CHUNK = 1024 * 1024
_LEVEL = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """What went into a blob."""

    bytes: int
    uncompressed_bytes: int
    sha256: str


@contextmanager
def storage(container: str) -> Iterator[None]:
    """Azure's errors become Belfry's, and name the container."""
    with translated(f"blob storage (container {container})"):
        yield


class _Compressed:
    """Compressed pieces of `chunks`, and the count of what went in."""

    def __init__(self, chunks: Iterator[bytes], check: Callable[[], None]) -> None:
        self._chunks = chunks
        self._check = check
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        from zstandard import ZstdCompressor

        compressor = ZstdCompressor(level=_LEVEL, write_checksum=True).compressobj()
        for chunk in self._chunks:
            self._check()
            self.taken += len(chunk)
            yield compressor.compress(chunk)
        yield compressor.flush()


def blocks(pieces: Iterator[bytes], size: int = BLOCK) -> Iterator[bytes]:
    """The same bytes in blocks of `size`; the last may be shorter."""
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        while len(buffer) >= size:
            yield bytes(buffer[:size])
            del buffer[:size]
    if buffer:
        yield bytes(buffer)


def ahead(calls: Iterator[Callable[[], T]], most: int = _AHEAD) -> Generator[T, None, None]:
    """What the calls return, in their order; at most `most` of them are under way at once.

    However it ends, by an error or closed early, it ends when those under way have ended.
    """
    with ThreadPoolExecutor(most, "belfry-blocks") as pool:
        under_way: deque[Future[T]] = deque()
        for call in calls:
            if len(under_way) < most:
                under_way.append(pool.submit(call))
                continue
            first = under_way.popleft().result()
            under_way.append(pool.submit(call))
            yield first
        while under_way:
            yield under_way.popleft().result()


def upload(
    blob: BlobClient,
    chunks: Iterator[bytes],
    metadata: Mapping[str, str],
    check: Callable[[], None],
) -> Stored:
    """Write `chunks` as a new blob, all or nothing. Raises `BelfryError`."""
    from azure.storage.blob import BlobBlock

    hashed, size, staged = hashlib.sha256(), 0, list[BlobBlock]()
    compressed = _Compressed(chunks, check)
    mark = uuid.uuid4().hex

    def calls() -> Iterator[Callable[[], object]]:
        nonlocal size
        for number, block in enumerate(blocks(iter(compressed))):
            check()
            hashed.update(block)
            size += len(block)
            name = f"{mark}-{number:06}"
            staged.append(BlobBlock(name))
            yield partial(blob.stage_block, name, block, length=len(block))

    with storage(blob.container_name):
        for _ in ahead(calls()):
            check()
        check()
        _commit(blob, staged, metadata)
    return Stored(bytes=size, uncompressed_bytes=compressed.taken, sha256=hashed.hexdigest())


def _commit(blob: BlobClient, staged: list[BlobBlock], metadata: Mapping[str, str]) -> None:
    """Make the blob visible, but never in the place of another."""
    from azure.core import MatchConditions
    from azure.core.exceptions import ResourceExistsError

    try:
        blob.commit_block_list(
            staged, metadata=dict(metadata), match_condition=MatchConditions.IfMissing
        )
    except ResourceExistsError:  # another's, or ours when the first answer was lost
        if blob.get_blob_properties().metadata != dict(metadata):
            reason = f"there is already a blob {blob.blob_name}; another backup runs now"
            raise Unavailable("blob storage", reason) from None


def read_back(blob: BlobClient, expected: Stored, check: Callable[[], None]) -> str:
    """Read the blob and compare it with what was sent; its ETag. Raises `Damaged`."""
    hashed, size = hashlib.sha256(), 0
    with storage(blob.container_name), _present(blob):
        found = blob.get_blob_properties()
        for piece in _pieces(blob, found.etag, found.size):
            check()
            hashed.update(piece)
            size += len(piece)
    if size != expected.bytes:
        raise Damaged(f"{blob.blob_name}: {expected.bytes} bytes were sent, {size} came back")
    if hashed.hexdigest() != expected.sha256:
        raise Damaged(
            f"{blob.blob_name}: SHA-256 was {expected.sha256} when sent, "
            f"{hashed.hexdigest()} when read back"
        )
    return found.etag


def decompressed(
    blob: BlobClient, etag: str, stored: Stored, check: Callable[[], None]
) -> Generator[bytes, None, None]:
    """What the blob's bytes decompress to, as long as it is still the one with that ETag.

    To be closed by who leaves it early, or reads go on unseen.
    """
    from zstandard import ZstdDecompressor

    with (
        storage(blob.container_name),
        _present(blob),
        closing(_pieces(blob, etag, stored.bytes)) as pieces,
    ):
        file = cast(IO[bytes], _File(pieces))
        with ZstdDecompressor().stream_reader(file) as reader:
            while chunk := reader.read(_CHUNK):
                check()
                yield chunk


def _pieces(blob: BlobClient, etag: str, size: int) -> Generator[bytes, None, None]:
    """The blob with that ETag, block by block: the SDK by itself begins with 32 MiB at once."""
    from azure.core import MatchConditions

    def read(offset: int) -> bytes:
        content: bytes = blob.download_blob(
            offset,
            min(BLOCK, size - offset),
            etag=etag,
            match_condition=MatchConditions.IfNotModified,
        ).readall()
        return content

    return ahead(partial(read, offset) for offset in range(0, size, BLOCK))


class _File:
    """Pieces as a file that can be read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def read(self, size: int) -> memoryview:
        if not self._rest:
            self._rest = memoryview(next(self._pieces, b""))
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


@contextmanager
def _present(blob: BlobClient) -> Iterator[None]:
    """A blob that is gone, or another, or does not decompress, is no backup."""
    from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
    from zstandard import ZstdError

    try:
        yield
    except ResourceNotFoundError as error:
        raise Damaged(f"{blob.blob_name} is gone; something removed it") from error
    except ResourceModifiedError as error:
        raise Damaged(f"{blob.blob_name} was overwritten while it was being verified") from error
    except ZstdError as error:
        raise Damaged(f"{blob.blob_name} does not decompress: {error}") from error
