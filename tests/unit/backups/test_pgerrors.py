"""What goes into a connection to PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest

from shared.backups.postgres.server import Server
from shared.errors import Refused
from shared.settings import Secret


def test_a_null_ends_no_connection_string_early() -> None:
    """libpq would take what stands before it, and connect to the default server of the machine."""
    server = Server(Secret("postgresql://u@127.0.0.1:9/x"), service="s", setting="POSTGRES_URL")
    wrong: list[tuple[str, dict[str, Any]]] = [("a\0b", {}), ("a", {"options": "-c x=\0"})]
    for database, more in wrong:
        with pytest.raises(Refused, match="null"), server.connected(database, **more):
            raise AssertionError
