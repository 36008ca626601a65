"""A database that the app's managed identity signs in to, as on a managed server: its role owns the
database and may create others, and no more, and its password is always the newest token."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator

import psutil  # type: ignore[import-untyped]
import psycopg
import pytest

from local.postgres import Postgres
from shared.backups.model import differences
from shared.backups.postgres.source import PostgresSource, databases
from shared.backups.source import Target
from shared.errors import BelfryError, Refused, Unavailable
from shared.settings import Secret
from tests.context import job_of
from tests.integration.backups.postgres.setup import column, dumped, execute, pieces
from tests.managed_server import by_identity, tls_front
from tests.vendors.entra import POSTGRES, Endpoint, identity

ROWS = (
    "CREATE TABLE pets (id int PRIMARY KEY, name text)",
    "INSERT INTO pets SELECT n, repeat('pet ', 1000) FROM generate_series(1, 1000) n",
    "CREATE TABLE visits (id int, pet int REFERENCES pets)",
    "CREATE MATERIALIZED VIEW named AS SELECT name FROM pets",
)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    with identity(monkeypatch, POSTGRES) as running:
        yield running


@pytest.fixture(scope="module")
def front(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with tls_front(postgres.port, tmp_path_factory.mktemp("front")) as port:
        yield port


@pytest.fixture
def url(postgres: Postgres, known: Endpoint, front: int) -> Iterator[Secret]:
    """Tokens live for so short a time that each new connection needs another one."""
    name = f"app_{uuid.uuid4().hex[:8]}"
    admin = postgres.url("postgres")
    execute(admin, f"CREATE ROLE {name} LOGIN CREATEDB NOSUPERUSER PASSWORD 'no token yet'")
    execute(admin, f"CREATE DATABASE {name} OWNER {name}")
    with psycopg.connect(postgres.url(name), autocommit=True) as connection:
        for statement in (f"SET ROLE {name}", *ROWS):
            connection.execute(statement.encode())
    known.lasts = 60
    known.told = lambda token: execute(admin, f"ALTER ROLE {name} PASSWORD '{token}'")
    yield by_identity(f"postgresql://{name}@localhost:{front}/{name}", known.client_id)
    owned = "SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = %s"
    for database in column(admin, owned, name):
        execute(admin, f'DROP DATABASE "{database}" WITH (FORCE)')
    execute(admin, f"DROP ROLE {name}")


def test_it_is_backed_up_proved_and_restored_with_a_token_for_each_connection(
    url: Secret, known: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    job, source = job_of(), PostgresSource(url)
    data, dump = dumped(source, job)
    assert dump.contents.tables == {"public.pets": 1000, "public.visits": 0}
    assert differences(dump.contents, source.prove(pieces(data), job)) == ""
    done = source.restore(pieces(data), Target(), job)
    assert differences(dump.contents, done.contents) == ""
    assert done.name.startswith("app_") and "postgres" not in databases(url, "POSTGRES_URL")
    assert len(known.given) > 6, "our connections, pg_dump's and pg_restore's"
    said = caplog.text + job.log.text()
    assert not [token for token in known.given if token in said or token.encode() in data]


def test_no_token_is_in_the_list_of_processes(url: Secret, known: Endpoint) -> None:
    with PostgresSource(url).dump(job_of()) as dump:
        # The dump is larger than the pipe, so pg_dump waits for a reader.
        (child,) = (one for one in psutil.Process().children() if one.name() == "pg_dump")
        assert child.environ()["PGPASSWORD"] in known.given
        assert not [token for token in known.given if token in " ".join(child.cmdline())]
        assert b"".join(dump.chunks)


def test_a_token_that_still_lives_is_not_asked_for_again(url: Secret, known: Endpoint) -> None:
    known.lasts = 86_400
    dumped(PostgresSource(url))
    assert len(known.given) == 1


def test_a_role_that_is_not_the_identitys_is_refused_with_what_to_do(
    url: Secret, known: Endpoint
) -> None:
    known.told = lambda _: None
    with pytest.raises(Refused) as caught:
        dumped(PostgresSource(url))
    said = str(caught.value)
    assert "password authentication failed" in said and "POSTGRES_URL" in said
    assert "pgaadauth_create_principal('app_" in said
    assert known.given[0] not in said


@pytest.mark.parametrize(
    ("trouble", "raised"),
    [
        ((400, b'{"statusCode": 400, "message": "no such identity"}'), Refused),
        ((200, b"<html>"), Unavailable),
    ],
)
def test_an_identity_without_a_token_is_named(
    url: Secret, known: Endpoint, trouble: tuple[int, bytes], raised: type[BelfryError]
) -> None:
    known.trouble = trouble
    with pytest.raises(raised, match=f"managed identity.*{known.client_id}"):
        dumped(PostgresSource(url))


def test_the_programs_check_a_certificate_as_our_own_connections_do(
    url: Secret,
    known: Endpoint,
    tmp_path_factory: pytest.TempPathFactory,
    postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path_factory.mktemp("other")
    with tls_front(postgres.port, folder) as port:
        name = url.reveal().partition("://")[2].partition("@")[0]
        place = f"postgresql://{name}@localhost:{port}/{name}"
        checked = f"{place}?sslmode=verify-full&sslrootcert={folder}/front.pem"
        assert dumped(PostgresSource(by_identity(checked, known.client_id)))[0]
        wrong = f"{place}?sslmode=verify-full&sslrootcert={folder.parent}/front0/front.pem"
        with pytest.raises(Unavailable, match="certificate"):
            dumped(PostgresSource(by_identity(wrong, known.client_id)))
        monkeypatch.setenv("SSL_CERT_FILE", f"{folder}/front.pem")
        trusting = f"{place}?sslmode=verify-full&sslrootcert=system"
        assert dumped(PostgresSource(by_identity(trusting, known.client_id)))[0]
