"""How libpq reaches a customer's PostgreSQL server: at the addresses that were checked."""

from __future__ import annotations

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


def connection(
    url: str, client: Outgoing, *, seconds: float = 5.0, trusted: str = ""
) -> dict[str, Any]:
    """The parameters of `psycopg.connect` for a URL such as
    `postgresql://user:password@db.example.com/shop`.

    The host's addresses are looked up and checked now, and libpq gets them as `hostaddr`, so it
    looks nothing up; it tries one after the other. TLS is always asked for, and the certificate
    must be the name's, by the authorities of certifi or of the file `trusted`. Raises `Invalid`
    (field `url`, without the URL), `Blocked` and `Unreachable`.
    """
    import certifi

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
    found = client.addresses(name, port)[:_TRIED]
    return {
        **more,
        "host": ",".join([name] * len(found)),
        "hostaddr": ",".join(found),
        "port": str(port),
        "dbname": database,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "connect_timeout": str(max(2, round(seconds))),
        "sslmode": "verify-full",
        "sslrootcert": trusted or certifi.where(),
        "gssencmode": "disable",
        "passfile": "/dev/null",
    }


_WANTED = "give a URL such as postgresql://user:password@db.example.com/database"
