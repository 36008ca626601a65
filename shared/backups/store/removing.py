"""A blob that goes, unless a policy of its container holds it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from shared.backups.model import checksum_name, manifest_name
from shared.backups.store.stream import storage
from shared.errors import Refused
from shared.storage.heeding import HASTE

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

_HELD = ("BlobImmutableDueToPolicy", "BlobImmutableDueToLegalHold")
"""What the service answers to a change that an immutability policy forbids."""


def in_order(blob: str, names: Iterable[str]) -> list[str]:
    """A backup's blobs as they are to go: reports first, the oldest before newer ones, the blob
    last. What is left if that is broken off is what it was, or is unproved."""
    ranks = {blob: 3, checksum_name(blob): 2, manifest_name(blob): 1}
    return sorted(names, key=lambda name: (ranks.get(name, 0), name))


def delete(blob: BlobClient, *, hastily: bool) -> None:
    """Remove a blob, if it is there. Raises `Refused` if an immutability policy holds it."""
    from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

    options: dict[str, Any] = HASTE if hastily else {}
    with storage(blob.container_name):
        try:
            blob.delete_blob(delete_snapshots="include", **options)
        except ResourceNotFoundError:
            return
        except HttpResponseError as error:
            code: Any = getattr(error, "error_code", None)
            if str(getattr(code, "value", code)) not in _HELD:
                raise
            text = f"{blob.blob_name}: an immutability policy of the container holds it"
            raise Refused(f"blob storage (container {blob.container_name})", text) from error
