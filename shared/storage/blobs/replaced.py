"""Small blobs that are replaced as a whole, by compare-and-set on their ETag."""

from __future__ import annotations

from typing import Any

from shared.storage.blobs.container import Container
from shared.storage.blobs.stream import storage


def read(container: Container, name: str) -> tuple[bytes, str] | None:
    """(its bytes, its ETag); None if there is no such blob."""
    from azure.core.exceptions import ResourceNotFoundError

    with storage(container.name):
        try:
            found = container.blob(name).download_blob()
            return found.readall(), str(found.properties.etag)
        except ResourceNotFoundError:
            return None


def etag(container: Container, name: str) -> str | None:
    """Its ETag; None if there is no such blob."""
    from azure.core.exceptions import ResourceNotFoundError

    with storage(container.name):
        try:
            return str(container.blob(name).get_blob_properties().etag)
        except ResourceNotFoundError:
            return None


def write(container: Container, name: str, data: bytes, before: str | None) -> str | None:
    """Write it if its ETag is still `before` (None: there was none); its new ETag, or None if
    somebody was faster. If an answer was lost, our own first write may be that somebody."""
    from azure.core import MatchConditions
    from azure.core.exceptions import ResourceExistsError, ResourceModifiedError

    same: dict[str, Any] = {"etag": before, "match_condition": MatchConditions.IfNotModified}
    with storage(container.name):
        try:
            how: dict[str, Any] = same | {"overwrite": True} if before is not None else {}
            made = container.blob(name).upload_blob(data, length=len(data), **how)
        except (ResourceExistsError, ResourceModifiedError):
            return None
    return str(made["etag"])
