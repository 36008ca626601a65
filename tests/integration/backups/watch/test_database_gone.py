"""A database that is gone from its server is told of once, and is not late."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from local import postgres as local_postgres
from local.azurite import Azurite
from local.postgres import Postgres
from shared.access import LOCAL
from shared.api.plans import routes as plans
from shared.errors import Conflict
from shared.log import Event
from shared.schedules.job import Status
from tests.conftest import scratch
from tests.integration.backups.postgres.setup import execute
from tests.integration.backups.watch.setup import START, WatchedEngine, events


@pytest.fixture
def server() -> Iterator[Postgres]:
    """PostgreSQL with two databases and its own."""
    with scratch() as folder, local_postgres.start(folder, durable=False) as running:
        for name in ("shop", "old"):
            execute(running.url("postgres"), f"CREATE DATABASE {name}")
        yield running


def test_a_database_that_is_gone_is_told_once_and_is_not_late(
    azurite: Azurite,
    staff: Path,
    server: Postgres,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def open_office() -> WatchedEngine:
        return WatchedEngine(
            azurite,
            staff,
            BELFRY_PREFIX="wgone",
            BACKUP_CONTAINER="watchgone",
            POSTGRES_URL=server.url("postgres"),
            POSTGRES_BIN=str(server.bin),
        )

    engine = open_office()
    plan = engine.plan(source="postgres", databases="all")
    assert engine.run(plan).status is Status.SUCCEEDED
    execute(server.url("postgres"), "DROP DATABASE old")
    late: Any = engine.run("backup_monitor", START + timedelta(hours=27)).result
    assert (late["gone"], "postgres/old" in late["too_old"]) == ([], True)
    again = engine.run(plan, START + timedelta(hours=27, minutes=10))
    assert again.status is Status.SUCCEEDED, again.error
    engine = open_office()  # nothing of it is in a process
    caplog.clear()
    with caplog.at_level(logging.INFO):
        for hours in (28, 29, 40):
            monitor = engine.run("backup_monitor", START + timedelta(hours=hours))
            result: Any = monitor.result
            assert result["gone"] == ["postgres/old"]
            assert "postgres/old" not in result["too_old"]
            subjects = [subject for _, subject in engine.notifications()]
            assert subjects.count("Database gone: postgres/old") == 1
    of_old = [e for e in events(caplog, Event.BACKUP_AGE) if e.get("database") == "old"]
    assert of_old == [], "its age is no measure any more"
    assert len(events(caplog, Event.BACKUP_DATABASE_GONE)) == 3
    service = engine.app.backups()
    stands = service.standings(service.look(), service.plans().lasting)
    (stand,) = [one for one in stands if one.database == "old"]
    assert stand.gone_at == again.started_at and stand.last_good is not None
    assert "old was not found in postgres any more (" in stand.sentence
    shown = plans.read_plan(lambda: engine.app, LOCAL, plan, lambda answer: answer)
    last_good = json.loads(bytes(shown.body))["last_good"]
    assert datetime.fromisoformat(last_good["started_at"]) == again.started_at
    with pytest.raises(Conflict, match="never deleted"):
        engine.delete(stand.last_good.id, force=True)
    execute(server.url("postgres"), "CREATE DATABASE old")
    assert engine.run(plan, START + timedelta(hours=50)).status is Status.SUCCEEDED
    back: Any = engine.run("backup_monitor", START + timedelta(hours=51)).result
    assert back["gone"] == [] and "postgres/old" not in back["too_old"]


def test_a_server_of_which_nothing_can_be_backed_up_fails_the_job(
    azurite: Azurite, staff: Path, server: Postgres
) -> None:
    """It would be green each night while nothing is backed up."""
    for (name,) in _own(server):
        execute(server.url("postgres"), f'DROP DATABASE "{name}"')
    engine = WatchedEngine(
        azurite, staff, POSTGRES_URL=server.url("postgres"), POSTGRES_BIN=str(server.bin)
    )
    job = engine.run(engine.plan(source="postgres", databases="all"))
    assert job.status is Status.FAILED
    assert "no database that its user may connect to" in str(job.error)


def _own(server: Postgres) -> list[tuple[str]]:
    with psycopg.connect(server.url("postgres")) as connection:
        found = "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"
        return connection.execute(found).fetchall()
