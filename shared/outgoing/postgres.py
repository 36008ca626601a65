"""How libpq reaches a customer's PostgreSQL server: at the addresses that were checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from shared.errors import Invalid
from shared.outgoing.model import Outgoing
from shared.outgoing.places import host

_SCHEMES = ("postgresql", "postgres")
_PORT = 5432
_TRIED = 6
"""How many addresses of a host are tried at most: each has its time."""
_HARMLESS = frozenset(("application_name", "client_encoding", "sslmode", "target_session_attrs"))
"""What a URL may say besides. Others name files of this machine (`passfile`, `sslkey`), further
hosts (`hostaddr`, `service`) or commands (`options`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """What a URL says. It holds a password, so it is not shown."""

    host: str
    """In its one form."""
    port: int
    parameters: Mapping[str, str] = field(repr=False)
    """Of libpq, besides where the server is."""


def server(url: str) -> Server:
    """What a URL such as `postgresql://user:password@db.example.com/shop` says. Raises `Invalid`
    (field `url`, without the URL)."""
    try:
        parts = urlsplit(url)
        name, port = host(parts.hostname or "-"), parts.port or _PORT
        more = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError:
        raise Invalid("url", _WANTED) from None
    database = unquote(parts.path.removeprefix("/"))
    if parts.scheme not in _SCHEMES or not database or "/" in database:
        raise Invalid("url", _WANTED)
    if strange := sorted(more.keys() - _HARMLESS):
        raise Invalid("url", f"leave out {', '.join(strange)[:200]}; it is not for customers")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    said = more | {"dbname": database, "user": user, "password": password}
    return Server(host=name, port=port, parameters=said)


def connection(
    url: str, client: Outgoing, *, seconds: float = 5.0, trusted: str = ""
) -> dict[str, Any]:
    """The parameters of `psycopg.connect` for a URL (`server`).

    The host's addresses are looked up and checked now, and libpq gets them as `hostaddr`, so it
    looks nothing up; it tries one after the other. TLS is always asked for, and the certificate
    must be the name's, by the authorities of certifi or of the file `trusted`. Raises as
    `server`, and `Blocked` and `Unreachable`.
    """
    import certifi

    said = server(url)
    found = client.addresses(said.host, said.port)[:_TRIED]
    return {
        **said.parameters,
        "host": ",".join([said.host] * len(found)),
        "hostaddr": ",".join(found),
        "port": str(said.port),
        "connect_timeout": str(max(2, round(seconds))),
        "sslmode": "verify-full",
        "sslrootcert": trusted or certifi.where(),
        "gssencmode": "disable",
        "passfile": "/dev/null",
    }


_WANTED = "give a URL such as postgresql://user:password@db.example.com/database"
