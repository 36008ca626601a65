"""The app's managed identity: one credential a process, whose tokens all clients share.

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

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AccessTokenInfo, TokenCredential

_WHO = "managed identity"
_OPTIONS: dict[str, Any] = {
    "connection_timeout": 2,
    "read_timeout": 10,
    "retry_total": 4,
    "retry_backoff_factor": 0.4,
}
"""The endpoint is on the same machine. Attempts: at once, then after 0, 0.8, 1.6 and 3.2 s."""
_DETAIL = 300


@functools.cache
def identity(client_id: str) -> TokenCredential:
    """The credential of a user-assigned identity; with "" of the system-assigned one. Its errors
    are `Unavailable` and `Refused`, which no client tries again."""
    return _Identity(client_id)


class _Identity:
    def __init__(self, client_id: str) -> None:
        from azure.identity import ManagedIdentityCredential

        self._client_id = client_id
        self._credential = ManagedIdentityCredential(client_id=client_id or None, **_OPTIONS)

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token for the SDK for blobs."""
        with self._named():
            return self._credential.get_token(*scopes, **options)

    def get_token_info(self, *scopes: str, **options: Any) -> AccessTokenInfo:
        """The same, with the instant from which a new one is better."""
        with self._named():
            return self._credential.get_token_info(*scopes, **options)

    @contextmanager
    def _named(self) -> Iterator[None]:
        from azure.core import exceptions as azure

        try:
            yield
        except azure.ClientAuthenticationError as error:
            raise Refused(_WHO, self._refused(error)) from error
        except azure.AzureError as error:
            text = f"its endpoint did not answer ({type(error).__name__}), so there is no token"
            raise Unavailable(_WHO, text) from error

    def _refused(self, error: Exception) -> str:
        """The endpoint answers so if it does not know the identity, and off Azure there is none."""
        which = f"client id {self._client_id}" if self._client_id else "system-assigned"
        said = " ".join(str(error).split())[:_DETAIL]
        return (
            f"no token for the identity ({which}): {said}. Is it assigned to the app, and is that "
            "the id in AzureWebJobsStorage__clientId or BACKUP_STORAGE__clientId?"
        )
