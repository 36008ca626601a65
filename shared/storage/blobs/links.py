"""Links for reading one blob and nothing else, which expire (shared access signatures)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.storage.blobs.stream import storage

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

_SKEW = timedelta(minutes=5)
"""How far the service's clock may differ from ours."""
_LONGEST = timedelta(days=7)
"""How long a user delegation key lasts (Microsoft's limit)."""


def links(
    blobs: Sequence[BlobClient], account: str, now: datetime, lasts: timedelta
) -> tuple[list[str], datetime]:
    """(a URL for each of the blobs, in their order; when the URLs expire). All blobs must be in one
    container.

    The URLs are signed with the account's key or, for a managed identity, with a user delegation
    key, which is valid for seven days from a little before `now`. A key knows the name of its
    account; for an identity it is `account`, as the URL of the blobs need not tell it.
    """
    from azure.storage.blob import BlobSasPermissions, BlobServiceClient, generate_blob_sas

    begin = now - _SKEW
    end = min(now + lasts, begin + _LONGEST)
    blob = blobs[0]
    with storage(blob.container_name):
        account = getattr(blob.credential, "account_name", account)
        secret: dict[str, Any] = {"account_key": getattr(blob.credential, "account_key", "")}
        if not secret["account_key"]:
            service = BlobServiceClient(_service(blob), credential=blob.credential)
            secret = {"user_delegation_key": service.get_user_delegation_key(begin, end)}
        signatures = [
            generate_blob_sas(
                account,
                one.container_name,
                one.blob_name,
                permission=BlobSasPermissions(read=True),
                start=begin,
                expiry=end,
                **secret,
            )
            for one in blobs
        ]
    return [f"{one.url}?{signed}" for one, signed in zip(blobs, signatures, strict=True)], end


def _service(blob: BlobClient) -> str:
    return f"{blob.scheme}://{blob.primary_hostname}"
