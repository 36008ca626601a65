"""The company's database, to which the app's managed identity signs in: each new connection has a
token of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from local.postgres import Postgres
from shared.data import schema
from shared.data.database import reading, writing
from shared.data.engines import Access, engine, parsed, shown
from shared.data.migrations.run import upgrade
from shared.errors import Misconfigured, Unavailable
from shared.settings import Secret
from tests.clocks import SkippingClock
from tests.integration.backups.postgres.setup import execute
from tests.managed_server import by_identity, tls_front
from tests.vendors.entra import POSTGRES, Endpoint, identity


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    with identity(monkeypatch, POSTGRES) as running:
        yield running


@pytest.fixture
def url(postgres: Postgres, known: Endpoint, tmp_path: Path) -> Iterator[Secret]:
    """Of a role whose password is the token that was given out last, and was never used before."""
    name = f"app_{uuid.uuid4().hex[:8]}"
    admin = postgres.url("postgres")
    execute(admin, f"CREATE ROLE {name} LOGIN", f"CREATE DATABASE {name} OWNER {name}")
    known.lasts = 60
    known.told = lambda token: execute(admin, f"ALTER ROLE {name} PASSWORD '{token}'")
    with tls_front(postgres.port, tmp_path) as port:
        made = by_identity(f"postgresql://{name}@localhost:{port}/{name}", known.client_id)
        yield made
        engine(made, Access.WRITE).dispose()
    execute(admin, f"DROP DATABASE {name} WITH (FORCE)", f"DROP ROLE {name}")


def test_it_is_upgraded_read_and_written(url: Secret, known: Endpoint) -> None:
    upgrade(url)
    schema.check(url)
    asked = len(known.given)
    with writing(url) as session, reading(url) as other:
        session.execute(text("SELECT 1"))
        other.execute(text("SELECT 1"))
    assert len(known.given) == asked + 1, "one connection was in the pool, the other is new"


def test_a_connection_that_was_lost_is_made_anew_with_a_new_token(
    url: Secret, known: Endpoint, postgres: Postgres
) -> None:
    with reading(url) as session:
        session.execute(text("SELECT 1"))
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'app_%'"
    execute(postgres.url("postgres"), ended)
    with reading(url) as session:
        session.execute(text("SELECT 1"))
    assert len(known.given) == 2


def test_a_refusal_says_how_the_identity_becomes_a_principal(url: Secret, known: Endpoint) -> None:
    known.told = lambda _: None
    with pytest.raises(Misconfigured, match="pgaadauth_create_principal") as caught, reading(url):
        pass
    assert known.given[0] not in str(caught.value) and known.given[0] not in shown(url)


def test_after_a_refusal_the_next_connection_has_another_token(
    url: Secret, known: Endpoint, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that should be valid: it was revoked, or this machine's clock is slow."""
    clock = SkippingClock()
    monkeypatch.setattr("shared.identity.kept.SystemClock", lambda: clock)
    known.lasts = 86_400
    name = str(parsed(url).username)
    with reading(url) as session:
        session.execute(text("SELECT 1"))
    ended = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{name}'"
    execute(postgres.url("postgres"), f"ALTER ROLE {name} PASSWORD 'other'", ended)
    clock.skip(timedelta(minutes=1))
    with pytest.raises(Misconfigured, match="authentication failed"), reading(url):
        pass
    with reading(url) as session:
        session.execute(text("SELECT 1"))
    assert len(known.given) == 2


def test_an_identity_without_a_token_is_named(url: Secret, known: Endpoint) -> None:
    known.trouble = (400, b'{"statusCode": 400, "message": "no such identity"}')
    with pytest.raises(Misconfigured, match="AZURE_CLIENT_ID"), reading(url):
        pass


def test_an_endpoint_in_trouble_may_answer_later(url: Secret, known: Endpoint) -> None:
    known.trouble = (200, b"<html>")
    with pytest.raises(Unavailable, match="managed identity"), reading(url):
        pass
