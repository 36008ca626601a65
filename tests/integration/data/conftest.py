"""Each test runs on both databases: a SQLite file of its own, a PostgreSQL database of its own."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local.postgres import Postgres
from shared.data.database import writing
from shared.data.engines import Access, engine, parsed
from shared.data.migrations.run import upgrade
from shared.data.models import Owner, Pet, Tenant
from shared.settings import Secret
from tests.company import at
from tests.integration.data import old_demo

_databases = itertools.count()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Secret]:
    """The URL of a database with nothing in it."""
    if request.param == "sqlite":
        yield at(tmp_path / "data.db")
        return
    url = Secret(_database(request))
    yield url
    engine(url, Access.WRITE).dispose()


def _database(request: pytest.FixtureRequest) -> str:
    postgres = request.getfixturevalue("postgres")
    name = f"data_{next(_databases)}"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    return str(postgres.url(name))


@pytest.fixture
def old(empty: Secret) -> Secret:
    """One with a demo company of the first versions."""
    _build_old(empty)
    return empty


@pytest.fixture(params=["nothing", "old demo"])
def before(request: pytest.FixtureRequest, empty: Secret) -> Secret:
    """One of either, before the upgrade."""
    if request.param == "old demo":
        _build_old(empty)
    return empty


def _build_old(url: Secret) -> None:
    if is_sqlite(url):
        old_demo.build_sqlite(_file(url))
    else:
        old_demo.build_postgres(url.reveal())


@pytest.fixture
def url(request: pytest.FixtureRequest, empty: Secret) -> Secret:
    """One at the newest version, with a tenant, an owner and a pet; each has the id 1."""
    if is_sqlite(empty):
        shutil.copy(request.getfixturevalue("sqlite_template"), _file(empty))
        return empty
    postgres, name = request.getfixturevalue("postgres"), parsed(empty).database
    template = request.getfixturevalue("postgres_template")
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name}".encode())
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    return empty


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that `url` copies: it is upgraded once."""
    path = tmp_path_factory.mktemp("template") / "data.db"
    _fill(at(path))
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """The database that `url` copies; nobody is connected to it."""
    name = f"data_template_{next(_databases)}"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    url = Secret(postgres.url(name))
    _fill(url)
    engine(url, Access.WRITE).dispose()
    return name


def _fill(url: Secret) -> None:
    upgrade(url)
    with writing(url) as session:
        session.add(tenant())
        session.flush()
        session.add(Owner(tenant_id=1, name="Ana", phone="+491511", sms_opted_in=True))
        session.flush()
        session.add(Pet(owner_id=1, name="Luna"))


def tenant(**given: object) -> Tenant:
    known: dict[str, object] = {
        "name": "Łapka",
        "timezone": "Europe/Warsaw",
        "language": "en",
        "currency": "PLN",
        "sms_currency": "USD",
    }
    return Tenant(**known | given)


def _file(url: Secret) -> Path:
    return Path(str(parsed(url).database))


def is_sqlite(url: Secret) -> bool:
    return url.reveal().startswith("sqlite")
