"""The app's managed identity: how it signs in to Azure's services, and to PostgreSQL.

PostgreSQL takes an Entra token as the password of a connection. A token lives for some hours, so
each new connection asks for one; it is kept until it is old (`shared.tokens`).

https://learn.microsoft.com/azure/postgresql/security/security-entra-concepts
"""

from __future__ import annotations

import functools
from collections import deque
from typing import TYPE_CHECKING

from shared.errors import Refused, Unavailable
from shared.redaction import redact
from shared.tokens import KeptTokens

if TYPE_CHECKING:
    from azure.identity import ManagedIdentityCredential

_POSTGRES = "https://ossrdbms-aad.database.windows.net/.default"
_CONNECTING, _READING = 5, 10
"""Seconds for the identity endpoint, which is on the same machine. By default it is 300 each."""
_SLOW = 1
"""How often it is asked again after it did not answer in time. By default it is three times."""
_given: deque[str] = deque(maxlen=8)
"""The tokens that were given out last, to be removed from texts."""
_UNKNOWN = (
    *("password authentication failed", "authentication failed", "does not exist"),
    *("oid mismatch", "AAD_AUTH_TOKENTYPE", "is not permitted to log in"),
)
"""What a server says if the identity has no role, or if its role belongs to another principal."""


@functools.cache
def credential(client_id: str) -> KeptTokens:
    """The credential of the user-assigned identity with that client id; empty: of the
    system-assigned one. There is one for each in a process, since it holds the tokens."""

    def make() -> ManagedIdentityCredential:
        from azure.identity import ManagedIdentityCredential

        return ManagedIdentityCredential(
            client_id=client_id or None,
            connection_timeout=_CONNECTING,
            read_timeout=_READING,
            retry_read=_SLOW,
        )

    return KeptTokens(make)


def token(client_id: str, scope: str) -> str:
    """A token for a service of Azure that no SDK is used for. Raises `Refused` if the app has no
    such identity, `Unavailable` if there is no answer."""
    from azure.core.exceptions import AzureError, ClientAuthenticationError

    try:
        found: str = credential(client_id).get_token(scope).token
    except ClientAuthenticationError as error:
        raise Refused("managed identity", f"gave no token: {_first_line(error)}") from None
    except (AzureError, ValueError) as error:
        raise Unavailable("managed identity", f"gave no token: {_first_line(error)}") from None
    return found


def reject(client_id: str, scope: str) -> None:
    """A service did not take the token that it got, so the next one is another."""
    credential(client_id).reject(scope)


def database_password(client_id: str) -> str:
    """The password of a new connection to PostgreSQL. Raises `Unavailable` if there is no token."""
    from azure.core.exceptions import AzureError

    try:
        token = credential(client_id).get_token(_POSTGRES).token
    except (AzureError, ValueError) as error:
        raise Unavailable("managed identity", _why(client_id, error)) from None
    if token not in _given:
        _given.append(token)
    return token


def refused_by_database(client_id: str) -> None:
    """A server did not take its password, which may have been revoked: the next connection gets
    another."""
    reject(client_id, _POSTGRES)


def without_tokens(text: str) -> str:
    """`text` without the tokens that this process gave out as passwords."""
    for token in tuple(_given):
        text = text.replace(token, "***")
    return text


def advice(said: str, user: str) -> str:
    """What a person can do about a refused sign-in, to be added to what the server said of it."""
    if not any(words in said for words in _UNKNOWN):
        return ""
    name = user.replace("'", "''")
    sql = f"SELECT * FROM pgaadauth_create_principal('{name}', false, false)"  # noqa: S608, is said
    return (
        f"; it signed in with the app's managed identity, so {user!r} must be the name of that "
        "identity, and a principal of the server: as an Entra administrator, in the database "
        f"postgres, run {sql}"
    )


def _why(client_id: str, error: BaseException) -> str:
    return (
        f"gave no token for PostgreSQL: {_first_line(error)} (AZURE_CLIENT_ID is {client_id}; the "
        "app must have that identity, and its IDENTITY_ENDPOINT must answer)"
    )


def _first_line(error: BaseException) -> str:
    said = redact(str(error)).strip().splitlines() or [type(error).__name__]
    return said[0][:300]
