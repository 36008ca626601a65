"""The deployed app, a storage that takes tokens only, and the identities."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from local import azurite as local_azurite
from local.azurite import Azurite, Identities
from tests import certificate
from tests.certificate import Certificate
from tests.integration.rehearsal import deployed
from tests.integration.rehearsal.site import Site
from tests.vendors.entra import STORAGE, Endpoint

HOST, BACKUP = "stbelfry", "stbackup"
"""Two accounts, for the app and for backups."""
APP = "11111111-1111-1111-1111-111111111111"
"""The client id of the identity."""

Making = Callable[..., Site]


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The deployed app: its package, unpacked into an empty folder, with its packages."""
    made = deployed.unpack(tmp_path_factory.mktemp("wwwroot") / "site")
    deployed.install(made)
    return made


@pytest.fixture(scope="package")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate.make(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="package")
def storage(tmp_path_factory: pytest.TempPathFactory, trusted: Certificate) -> Iterator[Azurite]:
    """Two storage accounts, by https, which take tokens."""
    identities = Identities(trusted.file, trusted.key, (HOST, BACKUP))
    where = tmp_path_factory.mktemp("storage")
    with local_azurite.start(where, durable=False, identities=identities) as running:
        yield running


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(APP, STORAGE).open() as running:
        yield running


@pytest.fixture
def making(
    folder: Path, trusted: Certificate, storage: Azurite, endpoint: Endpoint, tmp_path: Path
) -> Iterator[Making]:
    """Makes a site, not started, with these settings on top of the usual ones."""
    made: list[Site] = []

    def make(**settings: str) -> Site:
        usual = settings_of(storage, tmp_path) | endpoint.environ
        usual |= {"REQUESTS_CA_BUNDLE": str(trusted.file)}
        made.append(Site(folder, usual | settings, tmp_path / f"site{len(made)}.log"))
        return made[-1]

    yield make
    for site in made:
        if site.process is not None and site.process.poll() is None:
            site.kill()


def settings_of(storage: Azurite, folder: Path) -> dict[str, str]:
    """The settings that Azure's templates give the app, with the URIs of this storage."""
    blob, queue, table = (f"https://127.0.0.1:{port}" for port in storage.ports)
    database = folder / "company.db"
    with closing(sqlite3.connect(database)) as made:
        made.execute("CREATE TABLE IF NOT EXISTS pets (id INTEGER PRIMARY KEY, name TEXT)")
        made.executemany("INSERT INTO pets (name) VALUES (?)", [("Rex",), ("Minka",)])
        made.commit()
    return {
        "AzureWebJobsStorage__blobServiceUri": f"{blob}/{HOST}",
        "AzureWebJobsStorage__queueServiceUri": f"{queue}/{HOST}",
        "AzureWebJobsStorage__tableServiceUri": f"{table}/{HOST}",
        "AzureWebJobsStorage__credential": "managedidentity",
        "AzureWebJobsStorage__clientId": APP,
        "BACKUP_STORAGE__blobServiceUri": f"{blob}/{BACKUP}",
        "BACKUP_STORAGE__clientId": APP,
        "DATABASE_PATH": str(database),
    }
