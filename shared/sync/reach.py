"""The way to customers' places: the guarded client (`shared.outgoing`), and nothing past it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from shared.outgoing import Limits

if TYPE_CHECKING:
    from psycopg import Connection

    from shared.outgoing.client import Client

_LIMITS = Limits(connect=5.0, first_byte=60.0, whole=300.0, body=64 * 1024 * 1024, redirects=0)
"""Of one request to storage: a block of a blob, or a page of a listing."""


class Guarded:
    """A `Reach` by the guarded client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def hold(self, url: str) -> None:
        """Raise `ValueError` unless a request may go there, as far as the URL shows it."""
        self._client.hold(url)

    def transport(self, stop: threading.Event) -> Any:
        """A transport for clients of storage, which ends when `stop` is set."""
        from shared.storage.guarded import guarded

        return guarded(self._client, _LIMITS, stop=stop)

    def database(self, url: str) -> Connection[Any]:
        """A connection to a PostgreSQL server, at an address that was checked; its certificate must
        be good for its name."""
        import psycopg

        from shared.outgoing.postgres import connection

        return psycopg.connect(**connection(url, self._client))
