"""The app's identity: one credential a process, whose tokens all clients share.

A client that had a credential of its own would ask for a token of its own: each job has clients.
Azure's library keeps a token until five minutes before it expires, and then asks for another.

The platform's endpoint for tokens may be away, most of all while an instance starts. It is asked
again for a few seconds; then the error says that it was the identity, not the storage, that failed.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from shared.errors import Refused, Unavailable
from shared.settings import StorageAccount

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AccessTokenInfo, TokenCredential

_OPTIONS: dict[str, Any] = {
    "connection_timeout": 2,
    "read_timeout": 10,
    "retry_total": 4,
    "retry_backoff_factor": 0.4,
}
"""The endpoint is on the same machine. Attempts: at once, then after 0, 0.8, 1.6 and 3.2 s."""
_DETAIL = 300


def identity(account: StorageAccount) -> TokenCredential:
    """The credential of the identity with which the app uses that account. Its errors are
    `Unavailable` and `Refused`, which no client tries again."""
    return _developer() if account.developer else _managed(account.client_id)


@functools.cache
def _managed(client_id: str) -> TokenCredential:
    from azure.identity import ManagedIdentityCredential

    which = f"client id {client_id}" if client_id else "system-assigned"
    return _Identity(
        "managed identity",
        ManagedIdentityCredential(client_id=client_id or None, **_OPTIONS),
        f"the identity ({which})",
        "Is it assigned to the app, and is that the id in AzureWebJobsStorage__clientId or "
        "BACKUP_STORAGE__clientId?",
    )


@functools.cache
def _developer() -> TokenCredential:
    from azure.identity import (
        AzureCliCredential,
        AzureDeveloperCliCredential,
        ChainedTokenCredential,
    )

    return _Identity(
        "your identity",
        ChainedTokenCredential(AzureCliCredential(), AzureDeveloperCliCredential()),
        "you",
        "Sign in with az login or azd auth login; or set AzureWebJobsStorage__credential to "
        "managedidentity, if this machine has one",
    )


def forget() -> None:
    """Drop the credentials and their tokens, as another process would not have them."""
    _managed.cache_clear()
    _developer.cache_clear()


class _Identity:
    """A credential of Azure's library, with errors that say whose it is and what to do."""

    def __init__(self, service: str, credential: Any, whose: str, remedy: str) -> None:
        self._service = service
        self._credential = credential
        self._whose = whose
        self._remedy = remedy

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token for the SDK for blobs."""
        with self._named():
            token: AccessToken = self._credential.get_token(*scopes, **options)
        return token

    def get_token_info(self, *scopes: str, **options: Any) -> AccessTokenInfo:
        """The same, with the instant from which a new one is better."""
        with self._named():
            token: AccessTokenInfo = self._credential.get_token_info(*scopes, **options)
        return token

    @contextmanager
    def _named(self) -> Iterator[None]:
        from azure.core import exceptions as azure

        try:
            yield
        except azure.ClientAuthenticationError as error:
            said = " ".join(str(error).split())[:_DETAIL]
            text = f"no token for {self._whose}: {said}. {self._remedy}"
            raise Refused(self._service, text) from error
        except azure.AzureError as error:
            text = f"its endpoint did not answer ({type(error).__name__}), so there is no token"
            raise Unavailable(self._service, text) from error
