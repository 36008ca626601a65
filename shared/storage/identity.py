"""The identity with which the app signs in to storage accounts, and what is said if it cannot.

Its tokens are shared by all clients of the process (`shared.identity`): each job has clients, which
would ask for tokens of their own. The platform's endpoint for tokens may be away, most of all while
an instance starts. It is asked again for a few seconds; then the error says that it was the
identity that failed, not the storage.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from shared.errors import Refused, Unavailable
from shared.identity import credential
from shared.settings import StorageAccount

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AccessTokenInfo, TokenCredential

_DETAIL = 300


def identity(account: StorageAccount) -> TokenCredential:
    """The credential of the identity with which the app uses that account. Its errors are
    `Unavailable` and `Refused`, which no client tries again."""
    return _developer() if account.developer else _managed(account.client_id)


@functools.cache
def _managed(client_id: str) -> TokenCredential:
    which = f"client id {client_id}" if client_id else "system-assigned"
    return _Identity(
        "managed identity",
        credential(client_id),
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
    credential.cache_clear()
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
