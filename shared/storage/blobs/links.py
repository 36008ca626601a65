"""Links for reading one blob and nothing else, which expire (shared access signatures)."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from shared.storage.blobs.stream import storage

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

_SKEW = timedelta(minutes=5)
"""How far the service's clock may differ from ours."""
_LONGEST = timedelta(days=7)
"""How long a user delegation key lasts (Microsoft's limit)."""
_VERSION = "2020-12-06"
"""By whose rules a link is signed for an identity. Later ones sign more, which no link here has."""


@dataclass(frozen=True, slots=True)
class Saved:
    """How a browser saves what a link reads. It never shows it as a page of the storage's site."""

    name: str
    """ASCII, of letters, digits and `._-`."""
    content_type: str

    @property
    def disposition(self) -> str:
        """The header `Content-Disposition` (RFC 6266)."""
        return f'attachment; filename="{self.name}"'


def links(
    blobs: Sequence[BlobClient],
    account: str,
    now: datetime,
    lasts: timedelta,
    *,
    saved_as: Saved | None = None,
) -> tuple[list[str], datetime]:
    """(a URL for each of the blobs, in their order; when the URLs expire). All blobs must be in one
    container.

    The URLs are signed with the account's key or, for a managed identity, with a user delegation
    key, which is valid for seven days from a little before `now`. A key knows the name of its
    account; for an identity it is `account`, as the URL of the blobs need not tell it. `saved_as`:
    how the answer names the file, whatever the blob is called.
    """
    begin = now - _SKEW
    end = min(now + lasts, begin + _LONGEST)
    with storage(blobs[0].container_name):
        is_key = getattr(blobs[0].credential, "account_key", "")
        sign = (
            _by_key(begin, end, saved_as)
            if is_key
            else _by_identity(blobs[0], account, begin, end, saved_as)
        )
        signatures = [sign(one) for one in blobs]
    return [f"{one.url}?{signed}" for one, signed in zip(blobs, signatures, strict=True)], end


def _by_key(begin: datetime, end: datetime, saved_as: Saved | None) -> Callable[[BlobClient], str]:
    from azure.storage.blob import BlobSasPermissions, generate_blob_sas

    def sign(blob: BlobClient) -> str:
        return generate_blob_sas(
            blob.credential.account_name,
            blob.container_name,
            blob.blob_name,
            account_key=blob.credential.account_key,
            permission=BlobSasPermissions(read=True),
            start=begin,
            expiry=end,
            content_disposition=None if saved_as is None else saved_as.disposition,
            content_type=None if saved_as is None else saved_as.content_type,
        )

    return sign


def _by_identity(
    blob: BlobClient, account: str, begin: datetime, end: datetime, saved_as: Saved | None
) -> Callable[[BlobClient], str]:
    """By hand, since the SDK signs by the rules of its own day, which no emulator knows yet."""
    from azure.storage.blob import BlobServiceClient

    url = f"{blob.scheme}://{blob.primary_hostname}"
    service = BlobServiceClient(url, credential=blob.credential)
    key = service.get_user_delegation_key(begin, end)

    def sign(one: BlobClient) -> str:
        path = f"/blob/{account}/{one.container_name}/{one.blob_name}"
        return signed(path, key, _instant(begin), _instant(end), saved_as)

    return sign


def signed(path: str, key: Any, begin: str, end: str, saved_as: Saved | None = None) -> str:
    """The query with which anyone may read the blob at `path` (/blob/ACCOUNT/CONTAINER/NAME). `key`
    is the SDK's UserDelegationKey.

    https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas
    """
    delegated = {
        "skoid": key.signed_oid,
        "sktid": key.signed_tid,
        "skt": key.signed_start,
        "ske": key.signed_expiry,
        "sks": key.signed_service,
        "skv": key.signed_version,
    }
    unused = [""]
    text = [
        *("r", begin, end, path, *delegated.values()),
        *unused * 3,  # other users, correlation
        *(*unused, "https", _VERSION, "b"),  # after the addresses from which it may be used
        *unused * 2,  # snapshot, encryption scope
        # headers of the answer: Cache-Control, -Disposition, -Encoding, -Language, -Type
        *("", saved_as.disposition if saved_as else "", "", ""),
        saved_as.content_type if saved_as else "",
    ]
    signature = hmac.digest(b64decode(key.value), "\n".join(text).encode(), "sha256")
    query = {"sp": "r", "st": begin, "se": end, **delegated, "spr": "https"}
    query |= {"sv": _VERSION, "sr": "b", "sig": b64encode(signature).decode()}
    if saved_as is not None:
        query |= {"rscd": saved_as.disposition, "rsct": saved_as.content_type}
    return urlencode(query)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
