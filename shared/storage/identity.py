"""The identity with which the app signs in to storage accounts, and what is said if it cannot.

Its tokens are shared by all clients of the process (`shared.tokens`): each job has clients, which
would ask for tokens of their own. The platform's endpoint for tokens may be away, most of all while
an instance starts. It is asked again for a few seconds; then the error says that it was the
identity that failed, not the storage.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from shared.errors import Refused, Unavailable
from shared.identity import credential
from shared.settings import StorageAccount
from shared.tokens import KeptTokens

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AccessTokenInfo

_DETAIL = 300
_STATUS = re.compile(r"\(\w+\) (4\d\d)\b")
"""What the endpoint answered, as azure-identity tells it: (invalid_scope) 400, ..."""
_LATER = ("408", "429")


def identity(account: StorageAccount) -> Identity:
    """The credential of the identity with which the app uses that account. Its errors are
    `Unavailable` and `Refused`, which no client tries again."""
    return _developer() if account.developer else _managed(account.client_id)


@functools.cache
def _managed(client_id: str) -> Identity:
    which = f"client id {client_id}" if client_id else "system-assigned"
    return Identity(
        "managed identity",
        credential(client_id),
        f"the identity ({which})",
        "Is it assigned to the app, and is that the id in AzureWebJobsStorage__clientId or "
        "BACKUP_STORAGE__clientId?",
        _is_refusal,
    )


@functools.cache
def _developer() -> Identity:
    from azure.identity import (
        AzureCliCredential,
        AzureDeveloperCliCredential,
        ChainedTokenCredential,
    )

    return Identity(
        "your identity",
        KeptTokens(
            lambda: ChainedTokenCredential(AzureCliCredential(), AzureDeveloperCliCredential())
        ),
        "you",
        "Sign in with az login or azd auth login; or set AzureWebJobsStorage__credential to "
        "managedidentity, if this machine has one",
        lambda _said: True,
    )


def _is_refusal(said: str) -> bool:
    """Whether the endpoint would say the same again; one that is troubled answers 5xx."""
    found = _STATUS.search(said)
    return found is not None and found[1] not in _LATER


def forget() -> None:
    """Drop the credentials and their tokens, as another process would not have them."""
    credential.cache_clear()
    _managed.cache_clear()
    _developer.cache_clear()


class Identity:
    """A credential for Azure's clients, with errors that say whose it is and what to do."""

    def __init__(
        self,
        service: str,
        credential: KeptTokens,
        whose: str,
        remedy: str,
        is_refusal: Callable[[str], bool],
    ) -> None:
        self._is_refusal = is_refusal
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

    def reject(self, *scopes: str) -> None:
        """The storage did not take the token."""
        self._credential.reject(*scopes)

    @contextmanager
    def _named(self) -> Iterator[None]:
        from azure.core import exceptions as azure

        try:
            yield
        except (azure.ClientAuthenticationError, ValueError) as error:
            said = " ".join(str(error).split())[:_DETAIL]
            text = f"no token for {self._whose}: {said}"
            if self._is_refusal(said):
                raise Refused(self._service, f"{text}. {self._remedy}") from error
            raise Unavailable(self._service, text) from error
        except azure.AzureError as error:
            what = type(error).__name__
            text = f"its endpoint did not answer as it should ({what}), so there is no token"
            raise Unavailable(self._service, text) from error
