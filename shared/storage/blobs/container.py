"""One container: create it, list it, read its blobs and delete them.

If `check` is given, no further attempt begins once it raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from shared.errors import Refused
from shared.storage.blobs.stream import go_on, storage
from shared.storage.cancellation import HASTE, cancellable

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, ContainerClient

Blob: TypeAlias = "BlobClient"
"""A blob's client; `stream` and `links` have the operations on it."""
Opening: TypeAlias = "Callable[[], ContainerClient]"
"""A function that makes a container's client."""

_PAGE = 500
"""Blobs per page of a listing. The service's default is 5,000, but the SDK needs about 20 KB of
memory for each blob of a page."""
_HELD = ("BlobImmutableDueToPolicy", "BlobImmutableDueToLegalHold")
"""The service's error codes for a change that an immutability policy forbids."""


@dataclass(frozen=True, slots=True)
class Item:
    """A blob as a listing shows it."""

    name: str
    size: int
    metadata: Mapping[str, str]
    tier: str | None = None
    immutable_until: datetime | None = None
    etag: str | None = None
    changed_at: datetime | None = None


class Container:
    """A container. Its client is made when it is first used."""

    def __init__(self, client: Opening) -> None:
        self._open = client

    @cached_property
    def _client(self) -> ContainerClient:
        return self._open()

    @property
    def name(self) -> str:
        return str(self._client.container_name)

    @property
    def service(self) -> str:
        """The container's name in error messages."""
        return f"blob storage (container {self._client.container_name})"

    def create(self, check: Callable[[], None] = go_on) -> None:
        """Create it if needed. A refusal (403) is ignored: an identity that may not create
        containers may still be allowed to write to this one."""
        from azure.core.exceptions import HttpResponseError, ResourceExistsError

        with self._named():
            try:
                cancellable(self._client, check).create_container()
            except ResourceExistsError:
                return
            except HttpResponseError as error:
                if error.status_code != 403:
                    raise

    def items(self, check: Callable[[], None] = go_on, beginning: str = "") -> Iterator[Item]:
        """Every blob whose name starts with `beginning`; none if the container does not exist
        yet."""
        from azure.core.exceptions import ResourceNotFoundError

        container = cancellable(self._client, check)
        with self._named():
            try:
                include = ["metadata", "immutabilitypolicy"]
                for blob in container.list_blobs(
                    include=include, results_per_page=_PAGE, name_starts_with=beginning or None
                ):
                    policy = blob.immutability_policy
                    yield Item(
                        blob.name,
                        blob.size,
                        blob.metadata or {},
                        str(blob.blob_tier) if blob.blob_tier else None,
                        policy.expiry_time if policy else None,
                        blob.etag,
                        blob.last_modified,
                    )
            except ResourceNotFoundError:
                return

    def names(self, beginning: str, check: Callable[[], None] = go_on) -> list[str]:
        """The names of the blobs that start with `beginning`."""
        from azure.core.exceptions import ResourceNotFoundError

        with self._named():
            try:
                container = cancellable(self._client, check)
                return list(container.list_blob_names(name_starts_with=beginning))
            except ResourceNotFoundError:
                return []

    def blob(self, name: str, check: Callable[[], None] | None = None) -> Blob:
        """A blob's client; with `check`, one whose calls end with what it raises."""
        found = self._client.get_blob_client(name)
        return found if check is None else cancellable(found, check)

    def is_held(self, name: str) -> bool:
        """Whether a policy keeps that blob from being changed or removed: one of the container, or
        one of the blob's own."""
        with self._named():
            found = self._client.get_container_properties()
            own = self.blob(name).get_blob_properties()
        policy = own.immutability_policy
        held = bool(found.has_immutability_policy or found.has_legal_hold or own.has_legal_hold)
        return held or bool(policy and policy.expiry_time)

    def reader(self, name: str) -> Callable[[int, int], bytes]:
        """A function that reads a range (offset, length) of a blob. It fails if the blob was
        replaced in the meantime."""
        from azure.core import MatchConditions

        blob = self.blob(name)
        with self._named():
            etag = blob.get_blob_properties().etag

        def read(offset: int, length: int) -> bytes:
            with self._named():
                content: bytes = blob.download_blob(
                    offset, length, etag=etag, match_condition=MatchConditions.IfNotModified
                ).readall()
            return content

        return read

    def delete(
        self, name: str, check: Callable[[], None] = go_on, *, hastily: bool = False
    ) -> None:
        """Delete a blob, if it exists. `hastily`: try only once, with short timeouts (`HASTE`).

        Raises `Refused` if an immutability policy holds it.
        """
        from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

        options: dict[str, Any] = HASTE if hastily else {}
        with self._named():
            try:
                self.blob(name, check).delete_blob(delete_snapshots="include", **options)
            except ResourceNotFoundError:
                return
            except HttpResponseError as error:
                code: Any = getattr(error, "error_code", None)
                if str(getattr(code, "value", code)) not in _HELD:
                    raise
                text = f"{name}: an immutability policy of the container holds it"
                raise Refused(self.service, text) from error

    def _named(self) -> Any:
        return storage(self._client.container_name)
