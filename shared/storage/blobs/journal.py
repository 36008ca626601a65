"""Small blobs whose names say who writes them, so that no two writers share one: they are written
anew as a whole, or grow by pieces; and larger ones that come in numbered parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from shared.errors import Conflict
from shared.storage.blobs.container import Container
from shared.storage.blobs.stream import storage

_TRIES = 3


def put(container: Container, name: str, data: bytes) -> None:
    """Write a blob, whatever it was."""
    with storage(container.name):
        container.blob(name).upload_blob(data, length=len(data), overwrite=True)


def put_of(container: Container, name: str, data: bytes, attempt: int) -> None:
    """Write a blob in that attempt of a job, over what an earlier one wrote. Raises `Conflict` if a
    later one wrote it."""
    from azure.core import MatchConditions
    from azure.core.exceptions import ResourceExistsError, ResourceModifiedError

    blob, how = container.blob(name), dict[str, Any]()
    for _ in range(_TRIES):
        said = {"attempt": str(attempt)}
        with storage(container.name):
            try:
                blob.upload_blob(data, length=len(data), metadata=said, **how)
                return
            except (ResourceExistsError, ResourceModifiedError):
                found = blob.get_blob_properties()
        if int(found.metadata.get("attempt", 0)) > attempt:
            break
        how = {
            "overwrite": True,
            "etag": found.etag,
            "match_condition": MatchConditions.IfNotModified,
        }
    raise Conflict(f"a later attempt of this job writes {name}")


def append(container: Container, name: str, data: bytes, *, first: bool) -> None:
    """Add to a blob's end; with `first`, make it. If an answer was lost, the data may be there
    twice: readers know what is doubled. A blob takes 50,000 pieces."""
    from azure.storage.blob import BlobType

    with storage(container.name):
        container.blob(name).upload_blob(
            data, BlobType.APPENDBLOB, length=len(data), overwrite=first
        )


def get(container: Container, name: str) -> bytes | None:
    """A blob's bytes; None if there is none."""
    from azure.core.exceptions import ResourceNotFoundError

    with storage(container.name):
        try:
            found: bytes = container.blob(name).download_blob().readall()
        except ResourceNotFoundError:
            return None
    return found


def put_part(container: Container, name: str, number: int, data: bytes) -> None:
    """Send part `number` (from 1 on) of a blob, perhaps again; it is seen once `join` was called.
    Storage drops parts that were not joined after a week."""
    with storage(container.name):
        container.blob(name).stage_block(_part(number), data, length=len(data))


def parts(container: Container, name: str) -> dict[int, int]:
    """The sizes of the parts that were sent and not joined, by number."""
    from azure.core.exceptions import ResourceNotFoundError

    with storage(container.name):
        try:
            _, sent = container.blob(name).get_block_list("uncommitted")
        except ResourceNotFoundError:
            return {}
    return {int(block.id): block.size for block in sent}


def join(container: Container, name: str, numbers: Sequence[int]) -> None:
    """Make the blob of these parts."""
    from azure.storage.blob import BlobBlock

    with storage(container.name):
        container.blob(name).commit_block_list([BlobBlock(_part(number)) for number in numbers])


def get_size(container: Container, name: str) -> int | None:
    """A blob's size in bytes; None if there is none."""
    from azure.core.exceptions import ResourceNotFoundError

    with storage(container.name):
        try:
            found: int = container.blob(name).get_blob_properties().size
        except ResourceNotFoundError:
            return None
    return found


def stream(container: Container, name: str) -> Iterator[bytes]:
    """A blob's bytes, piece by piece, as it is now. Raises `Damaged` if it is gone or changes."""
    from shared.storage.blobs.stream import etag_of, go_on, pieces

    blob = container.blob(name)
    with storage(container.name):
        size = blob.get_blob_properties().size
    etag = etag_of(blob, size, go_on)
    return pieces(blob, etag, size)


def _part(number: int) -> str:
    return f"{number:06}"
