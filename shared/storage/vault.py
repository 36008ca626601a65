"""A client for the secrets of an Azure Key Vault, with the app's identity.

The SDK is imported when it is first used. It retries as the clients for storage do; a vault that
has had too many requests (429) asks for pauses, which are kept to a few seconds.
https://learn.microsoft.com/azure/key-vault/general/service-limits

A secret that is deleted can be recovered for as long as the vault keeps it (soft delete), and is
gone then. Until then no other may have its name, so names must not be used again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shared import tracing
from shared.errors import Refused, Unavailable
from shared.identity import tokens
from shared.storage import failures

if TYPE_CHECKING:
    from azure.keyvault.secrets import SecretClient

SERVICE = "the key vault"
ROLE = "Key Vault Secrets Officer"
_VERSION = "7.4"
"""Of the vault's API: one that every cloud has."""
_FINAL = (400, 401, 403, 405, 409, 413)


@dataclass(frozen=True, slots=True)
class Listed:
    """A secret, without its value."""

    name: str
    tags: Mapping[str, str]
    created_at: datetime


class Vault:
    """One vault. Every method raises `Unavailable` or `Refused`."""

    def __init__(self, url: str, client_id: str, options: Mapping[str, Any] | None = None) -> None:
        """`client_id`: of the user-assigned identity; empty: the system-assigned one. `options`: of
        the SDK's client, for tests."""
        self.url = url
        self._client_id = client_id
        self._options = dict(options or {})

    def set(self, name: str, value: str, tags: Mapping[str, str]) -> None:
        """Store a secret: letters, digits and - in its name, 25 kB in its value."""
        with self._asked("PUT"):
            self._client.set_secret(name, value, tags=dict(tags), content_type="application/json")

    def get(self, name: str) -> str | None:
        """Its value; None if there is none."""
        from azure.core.exceptions import ResourceNotFoundError

        with self._asked("GET"):
            try:
                return self._client.get_secret(name).value
            except ResourceNotFoundError:
                return None

    def delete(self, name: str) -> None:
        """Delete it; harmless if it is gone. Nobody waits until it is."""
        from azure.core.exceptions import ResourceNotFoundError

        with self._asked("DELETE"):
            try:
                self._client.begin_delete_secret(name)
            except ResourceNotFoundError:
                return

    def all(self) -> Iterator[Listed]:
        """All that there are, page by page."""
        with self._asked("GET"):
            for one in self._client.list_properties_of_secrets():
                made = one.created_on or datetime.max.replace(tzinfo=UTC)
                yield Listed(one.name or "", one.tags or {}, made)

    @cached_property
    def _client(self) -> SecretClient:
        from azure.keyvault.secrets import SecretClient

        logging.getLogger("azure").setLevel(logging.WARNING)  # two long lines for each request
        options: dict[str, Any] = {
            "api_version": _VERSION,
            "transport": failures.transport(None, None, **failures.TIMEOUTS),
            **failures.RETRIES,
        }
        identity = tokens.managed(self._client_id, "AZURE_CLIENT_ID")
        return SecretClient(self.url, identity, **options | self._options)

    @contextmanager
    def _asked(self, method: str) -> Iterator[None]:
        """A request, or several: errors in words, and a span."""
        from azure.core import exceptions as azure

        with tracing.call(method, self.url) as call:
            try:
                yield
            except azure.HttpResponseError as error:
                call.answered(error.status_code or 0)
                raise self._failure(error) from None
            except azure.AzureError as error:
                said = f"{self._name} did not answer ({type(error).__name__})"
                raise Unavailable(SERVICE, said) from None

    @property
    def _name(self) -> str:
        return (urlsplit(self.url).hostname or "").partition(".")[0]

    def _failure(self, error: Any) -> Refused | Unavailable:
        """In words. The SDK's own text may quote what was sent, so it is left out."""
        status = error.status_code
        said = f"{self._name} answered {status}"
        if status in (401, 403):
            return Refused(
                SERVICE,
                f"{said}: the app's identity needs the role {ROLE} there, and the vault's firewall "
                "must let the app in; a role that was just given takes up to ten minutes",
            )
        if status == 429:
            return Unavailable(SERVICE, f"{said}: it has had too many requests; try again later")
        return Refused(SERVICE, said) if status in _FINAL else Unavailable(SERVICE, said)
