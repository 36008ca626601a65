"""A customer's container. Every call is retried by the policy of `failures`; each raises
`Unavailable`, and `Refused` if the whole container cannot be used."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from shared.clock import Clock, SystemClock
from shared.errors import Damaged, Refused
from shared.storage import failures
from shared.storage.cancellation import cancellable
from shared.storage.connect import blob_retries
from shared.storage.outside.address import Address
from shared.storage.outside.pages import Blob, Headers, Moved, Page, Unfit, forbidden

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, ContainerClient

PAGE = 1000
"""Blobs a page: the SDK needs some 20 KB of memory for each."""
_MOVED = ("BlobNotFound", "BlobAlreadyExists", "ConditionNotMet", "UnauthorizedBlobOverwrite")
_MOVED_STATUS = (404, 412)
_UNFIT: Mapping[str, str] = {
    "BlobArchived": "it is in the archive tier; bring it to another tier first",
    "BlobBeingRehydrated": "it is on its way out of the archive tier",
    "BlobImmutableDueToPolicy": "an immutability policy holds it",
    "BlobImmutableDueToLegalHold": "a legal hold holds it",
    "InvalidBlobOrBlock": "another program began to upload it, and has not ended",
    "InvalidBlobType": "a blob of another type has that name",
    "LeaseIdMissing": "somebody has a lease on it",
    "LeaseNotPresentWithBlobOperation": "somebody has a lease on it",
    "MetadataTooLarge": "its metadata leaves no room for Belfry's marks (8 KB in all)",
    "InvalidMetadata": "its metadata cannot be written",
    "InvalidUri": "its name cannot be in a URL",
    "InvalidResourceName": "its name cannot be in a URL",
    "BlobUsesCustomerSpecifiedEncryption": "it is encrypted with a key of its own",
}
"""Error codes that concern one blob alone.
https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes"""


class OutsideContainer:
    """The container. Several threads may use it at once. `transport`: the guarded one."""

    def __init__(
        self,
        at: Address,
        transport: Any,
        check: Callable[[], None],
        clock: Clock | None = None,
    ) -> None:
        self.at = at
        self._check = check
        self._clock = clock or SystemClock()
        self._made = self._client(transport)

    def _client(self, transport: Any) -> ContainerClient:
        import logging

        from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
        from azure.storage.blob import ContainerClient

        logging.getLogger("azure").setLevel(logging.WARNING)
        credential: Any
        options: dict[str, Any] = dict(failures.TIMEOUTS)
        if self.at.key is not None:
            credential = AzureNamedKeyCredential(self.at.key.account, self.at.key.key)
        else:
            credential = AzureSasCredential(self.at.signature)
        return ContainerClient(
            self.at.url,
            self.at.name,
            credential=credential,
            transport=transport,
            retry_policy=blob_retries(None),
            max_single_get_size=1 << 30,  # a range is read in one request
            max_single_put_size=1 << 30,  # and a small blob is written in one
            **options,
        )

    def page(self, prefix: str, marker: str | None) -> Page[Blob]:
        """A page of the blobs, in the order of their names. No snapshots, no versions."""
        with self._whole():
            listing = cancellable(self._made, self._check).list_blobs(
                name_starts_with=prefix or None, include=["metadata"], results_per_page=PAGE
            )
            pages: Any = listing.by_page(marker)
            items = [_listed(one) for one in next(pages, ())]
            return Page([one for one in items if one is not None], pages.continuation_token or None)

    def head(self, name: str) -> Blob | None:
        """The blob as it is now; None if there is none."""
        from azure.core.exceptions import ResourceNotFoundError

        with self._whole():
            try:
                found = self._blob(name).get_blob_properties()
            except ResourceNotFoundError as error:
                if _code(error) == "ContainerNotFound":
                    raise
                return None
        return _blob(name, found)

    def read(self, name: str, etag: str, offset: int, length: int) -> bytes:
        """A range of the blob with that ETag. Raises `Moved`, `Unfit`."""
        from azure.core import MatchConditions

        if length == 0:
            return b""
        with self._one():
            content: bytes = (
                self._blob(name)
                .download_blob(
                    offset,
                    length,
                    etag=_quoted(etag),
                    match_condition=MatchConditions.IfNotModified,
                )
                .readall()
            )
        if len(content) != length:
            raise Moved
        return content

    def put(
        self,
        name: str,
        data: bytes,
        md5: bytes,
        like: Headers,
        marks: Mapping[str, str],
        instead_of: str | None,
    ) -> str:
        """Write a small blob in one request; its ETag. `instead_of`: the ETag of the blob that it
        replaces; None: there is none. Raises `Moved`, `Unfit`, and `Damaged` if the service got
        other bytes."""
        with self._one():
            answer: Any = self._blob(name).upload_blob(
                data,
                length=len(data),
                metadata=dict(marks),
                content_settings=_settings(like, md5),
                validate_content=True,
                overwrite=instead_of is not None,
                **_only(instead_of, create=False),
            )
        got = answer.get("content_md5")
        if got is not None and bytes(got) != md5:
            raise Damaged(f"{self.at.shown}: {name} arrived with other bytes than were sent")
        return str(answer["etag"]).strip('"')

    def stage(self, name: str, upload: str, number: int, data: bytes) -> None:
        """Send one block of a blob; the service compares its MD5. `upload`: eight characters of
        this upload's own, so that two at once do not mix."""
        with self._one():
            self._blob(name).stage_block(
                _block(upload, number), data, length=len(data), validate_content=True
            )

    def commit(
        self,
        name: str,
        upload: str,
        blocks: int,
        md5: bytes,
        like: Headers,
        marks: Mapping[str, str],
        instead_of: str | None,
    ) -> str:
        """Make a blob of the blocks that were sent; as `put`."""
        from azure.storage.blob import BlobBlock

        with self._one():
            answer = self._blob(name).commit_block_list(
                [BlobBlock(_block(upload, number)) for number in range(blocks)],
                content_settings=_settings(like, md5),
                metadata=dict(marks),
                **_only(instead_of, create=True),
            )
        return str(answer["etag"]).strip('"')

    def delete(self, name: str, etag: str) -> None:
        """Delete the blob with that ETag, and its snapshots. Raises `Moved`, `Unfit`."""
        from azure.core import MatchConditions

        with self._one():
            self._blob(name).delete_blob(
                delete_snapshots="include",
                etag=_quoted(etag),
                match_condition=MatchConditions.IfNotModified,
            )

    def _blob(self, name: str) -> BlobClient:
        return cancellable(self._made.get_blob_client(name), self._check)

    def _hold_permission(self, error: Any) -> None:
        """Raise `Refused` if storage does not let it in."""
        if error.status_code in (401, 403):
            raise Refused(self.at.shown, forbidden(_code(error))) from None

    @contextmanager
    def _whole(self) -> Iterator[None]:
        from azure.core.exceptions import HttpResponseError

        with failures.translated(self.at.shown):
            try:
                yield
            except HttpResponseError as error:
                self._hold_permission(error)
                if error.status_code != 404:
                    raise
                text = "it does not exist; make it, or name another"
                raise Refused(self.at.shown, text) from error

    @contextmanager
    def _one(self) -> Iterator[None]:
        """Errors of a call on one blob."""
        from azure.core.exceptions import HttpResponseError

        with failures.translated(self.at.shown):
            try:
                yield
            except HttpResponseError as error:
                code = _code(error)
                if code == "ContainerNotFound":
                    raise Refused(self.at.shown, "it does not exist any more") from error
                if code in _UNFIT:
                    raise Unfit(_UNFIT[code]) from error
                if code in _MOVED or error.status_code in _MOVED_STATUS:
                    raise Moved from error
                self._hold_permission(error)
                if error.status_code == 416:  # it became shorter
                    raise Moved from error
                raise


def _code(error: Any) -> str:
    """The service's error code."""
    found = getattr(error, "error_code", None)
    return str(getattr(found, "value", found) or "")


def _quoted(etag: str) -> str:
    """As a header has it; listings leave the quotes out."""
    return f'"{etag}"'


def _block(upload: str, number: int) -> str:
    return b64encode(f"{upload}-{number:06d}".encode()).decode()


def _only(instead_of: str | None, *, create: bool) -> dict[str, Any]:
    """The condition of a write. `create`: the call has no `overwrite` of its own."""
    from azure.core import MatchConditions

    if instead_of is not None:
        return {"etag": _quoted(instead_of), "match_condition": MatchConditions.IfNotModified}
    return {"match_condition": MatchConditions.IfMissing} if create else {}


def _settings(like: Headers, md5: bytes) -> Any:
    from azure.storage.blob import ContentSettings

    return ContentSettings(
        content_type=like.content_type,
        content_encoding=like.content_encoding,
        content_language=like.content_language,
        content_disposition=like.content_disposition,
        cache_control=like.cache_control,
        content_md5=bytearray(md5),
    )


def _listed(found: Any) -> Blob | None:
    """A blob of a listing; None for a folder of a hierarchical namespace."""
    if (found.metadata or {}).get("hdi_isfolder") == "true":
        return None
    return _blob(found.name, found)


def _blob(name: str, found: Any) -> Blob:
    said = found.content_settings
    kind = getattr(found.blob_type, "value", found.blob_type)
    return Blob(
        name=name,
        size=found.size,
        etag=found.etag.strip('"'),
        changed_at=found.last_modified,
        md5=bytes(said.content_md5) if said.content_md5 else None,
        kind=str(kind),
        tier=str(getattr(found.blob_tier, "value", found.blob_tier) or ""),
        headers=Headers(
            content_type=said.content_type,
            content_encoding=said.content_encoding,
            content_language=said.content_language,
            content_disposition=said.content_disposition,
            cache_control=said.cache_control,
        ),
        metadata=dict(found.metadata or {}),
    )
