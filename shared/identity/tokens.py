"""Tokens by which the app signs in to Azure's services, and what is said if it gets none.

The clients of a process share the credential of an identity, which keeps its tokens (`kept`): each
job has clients, which would ask for tokens of their own. The platform's endpoint for tokens may be
away, most of all while an instance starts. It is asked again for a few seconds; then the error says
that it was the identity that failed, not the service.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from shared.errors import Refused, Unavailable
from shared.identity.kept import KeptTokens
from shared.redaction import redact

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AccessTokenInfo
    from azure.identity import ManagedIdentityCredential

_CONNECTING, _READING = 5, 10
"""Seconds for the identity endpoint, which is on the same machine. By default it is 300 each."""
_SLOW = 1
"""How often it is asked again after it did not answer in time. By default it is three times."""
_DETAIL = 300
_STATUS = re.compile(r"\(\w+\) (4\d\d)\b")
"""What the endpoint answered, as azure-identity tells it: (invalid_scope) 400, ..."""
_LATER = ("408", "429")


@functools.cache
def credential(client_id: str) -> KeptTokens:
    """The credential of the user-assigned identity with that client id; empty: of the
    system-assigned one. There is one for each in a process, since it holds the tokens. Its errors
    are those of Azure's library."""

    def make() -> ManagedIdentityCredential:
        from azure.identity import ManagedIdentityCredential

        return ManagedIdentityCredential(
            client_id=client_id or None,
            connection_timeout=_CONNECTING,
            read_timeout=_READING,
            retry_read=_SLOW,
        )

    return KeptTokens(make)


@functools.cache
def managed(client_id: str, setting: str) -> Identity:
    """The same, with errors that no client tries again: `Refused` if the app has no such identity,
    `Unavailable` if the endpoint may answer later. `setting`: what has the client id."""
    which = f"client id {client_id}" if client_id else "system-assigned"
    return Identity(
        "managed identity",
        credential(client_id),
        f"the identity ({which})",
        f"Is it assigned to the app, and is that the id in {setting}?",
        _is_refusal,
    )


@functools.cache
def developer(otherwise: str) -> Identity:
    """The credential of a person, who signed in with Azure's command line or with azd. Its errors
    are `Unavailable` and `Refused`. `otherwise`: what else that person could do."""
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
        f"Sign in with az login or azd auth login; or {otherwise}",
        lambda _said: True,
    )


def token(client_id: str, scope: str, setting: str = "AZURE_CLIENT_ID") -> str:
    """A token for a service of Azure that no SDK is used for. Raises what `managed` does."""
    found: str = managed(client_id, setting).get_token(scope).token
    return found


def reject(client_id: str, scope: str) -> None:
    """A service did not take the token that it got, so the next one is another."""
    credential(client_id).reject(scope)


def forget() -> None:
    """Drop the credentials and their tokens, as another process would not have them."""
    for one in (credential, managed, developer):
        one.cache_clear()


def _is_refusal(said: str) -> bool:
    """Whether the endpoint would say the same again; one that is troubled answers 5xx."""
    found = _STATUS.search(said)
    return found is not None and found[1] not in _LATER


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
        """A service did not take the token."""
        self._credential.reject(*scopes)

    @contextmanager
    def _named(self) -> Iterator[None]:
        from azure.core import exceptions as azure

        try:
            yield
        except (azure.ClientAuthenticationError, ValueError) as error:
            said = " ".join(redact(str(error)).split())[:_DETAIL]
            text = f"no token for {self._whose}: {said}"
            if self._is_refusal(said):
                raise Refused(self._service, f"{text}. {self._remedy}") from error
            raise Unavailable(self._service, text) from error
        except azure.AzureError as error:
            what = f"its endpoint did not answer as it should ({type(error).__name__})"
            text = f"{what}, so there is no token for {self._whose}"
            raise Unavailable(self._service, text) from error
