"""DBOS, its steps in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg

from bench.flows.scripted import Program, Scripted
from bench.peers.environment import Failed
from local import postgres
from shared.errors import BelfryError

_DATABASE = "flows"


class DBOS(Scripted):
    """One process, which is what its documentation begins with."""

    script = "flows_dbos.py"
    packages = (
        "dbos==3.4.0",
        "click==8.5.1",
        "croniter==7.0.0",
        "greenlet==3.5.6",
        "psycopg==3.3.9",
        "psycopg-binary==3.3.9",
        "python-dateutil==4.0.0",
        "pyyaml==6.0.4",
        "sqlalchemy==2.1.9",
        "typing-extensions==4.16.0",
        "tzdata==2026.6",
    )
    setting = (
        "as it comes, one process; steps beside each other are coroutines that are gathered; "
        "PostgreSQL as it comes, with fsync"
    )
    persists = "a row with its result, committed in PostgreSQL before the next begins"
    _server: postgres.Postgres | None = None

    @property
    def name(self) -> str:
        """See `Engine`."""
        return f"{self.packages[0].replace('dbos==', 'DBOS ')}, PostgreSQL"

    def start(self) -> Mapping[str, object]:
        """See `Scripted`."""
        try:
            self._server = postgres.start(self.folder / "server")
        except BelfryError as error:
            raise Failed(f"PostgreSQL: {error}".splitlines()[0]) from None
        with psycopg.connect(self._server.url("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {_DATABASE}")
            connection.execute(f"CREATE DATABASE {_DATABASE}")
        return {"url": self._server.url(_DATABASE)}

    def servers(self) -> Sequence[Program]:
        """See `Scripted`."""
        return [] if self._server is None else [self._server.process]

    def close(self) -> None:
        """See `Engine`."""
        if self._server is not None:
            self._server.stop()
