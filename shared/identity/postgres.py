"""How the app's managed identity signs in to PostgreSQL, which takes an Entra token as a password.

A token lives for some hours, so each new connection asks for one; it is kept until it is old
(`kept`).

https://learn.microsoft.com/azure/postgresql/security/security-entra-concepts
"""

from __future__ import annotations

from collections import deque

from shared.identity import tokens

_SCOPE = "https://ossrdbms-aad.database.windows.net/.default"
_given: deque[str] = deque(maxlen=8)
"""The tokens that were given out last, to be removed from texts."""
_UNKNOWN = (
    *("password authentication failed", "authentication failed", "does not exist"),
    *("oid mismatch", "AAD_AUTH_TOKENTYPE", "is not permitted to log in"),
)
"""What a server says if the identity has no role, or if its role belongs to another principal."""


def database_password(client_id: str) -> str:
    """The password of a new connection. Raises `Refused` if the app has no such identity,
    `Unavailable` if the platform gives no token now."""
    token = tokens.token(client_id, _SCOPE)
    if token not in _given:
        _given.append(token)
    return token


def refused_by_database(client_id: str) -> None:
    """A server did not take its password, which may have been revoked: the next connection gets
    another."""
    tokens.reject(client_id, _SCOPE)


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
