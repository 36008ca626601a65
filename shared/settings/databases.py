"""The URL of a database, and whether the app signs in to it with its managed identity.

It does if the URL is of PostgreSQL, has a user and no password, and all its hosts are Azure
Database for PostgreSQL, or named in ENTRA_DATABASE_HOSTS. No other host is ever sent a token.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

from shared.settings.secret import Secret

_SCHEME = re.compile(r"postgres(ql)?(\+\w+)?://")
_AZURE = ".postgres.database.azure.com"
_ENCRYPTED = ("require", "verify-ca", "verify-full")
"""Of `sslmode`, those that do not fall back to a connection that anybody can read."""
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")


class DatabaseUrl(Secret):
    """The URL of a database whose password is a token of the identity with that client id."""

    __slots__ = ("client_id",)

    def __init__(self, value: str, client_id: str) -> None:
        super().__init__(value)
        self.client_id = client_id

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, DatabaseUrl) and other.client_id == self.client_id
        return same and super().__eq__(other)

    __hash__ = Secret.__hash__


def client_id_of(url: Secret) -> str:
    """The client id of the identity that signs in; empty if the URL's own password does."""
    return url.client_id if isinstance(url, DatabaseUrl) else ""


def url_of(text: str, client_id: str, hosts: Sequence[str]) -> Secret:
    """The URL as the app uses it. Raises `ValueError`, which says what to use instead, for one that
    needs an identity but names none, or that may be unencrypted."""
    try:
        parts = urlsplit(text) if _SCHEME.match(text) else None
        query = dict(parse_qsl(parts.query, keep_blank_values=True)) if parts else {}
    except ValueError:  # whoever connects says what is wrong with it
        return Secret(text)
    if parts is None or not _by_identity(parts.netloc, query, hosts):
        return Secret(text)
    mode = query.get("sslmode")
    if mode is not None and mode not in _ENCRYPTED:
        raise ValueError(
            f"it has sslmode={mode}; a token is sent over an encrypted connection only: leave "
            f"sslmode out, or use {', '.join(_ENCRYPTED)}"
        )
    if not client_id:
        raise ValueError(
            "it has no password, so the app signs in with its managed identity; set "
            "AZURE_CLIENT_ID to the client id of that identity, or give the URL a password"
        )
    more = f"{'&' if parts.query else '?'}sslmode=require" if mode is None else ""
    return DatabaseUrl(text.rstrip("?") + more, client_id)


def hosts(value: str) -> tuple[str, ...]:
    """Hosts with commas between, without a port."""
    found = tuple(part.strip().lower() for part in value.split(",") if part.strip())
    if not all(_HOST.fullmatch(one) for one in found):
        raise ValueError("use names of hosts with commas between, without ports")
    return found


def _by_identity(netloc: str, query: dict[str, str], named: Sequence[str]) -> bool:
    account, _, places = netloc.rpartition("@")
    user, _, password = account.partition(":")
    if not (user or query.get("user")) or password or query.get("password"):
        return False
    given = [*places.split(","), *query.get("host", "").split(",")]
    found = [re.sub(r":\d*$", "", one).lower() for one in given if one]
    if query.get("hostaddr") or query.get("service") or query.get("passfile"):
        return False
    return bool(found) and all(one.endswith(_AZURE) or one in named for one in found)
