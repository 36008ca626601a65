"""The API over an app with sources that nobody reaches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azurite import Azurite
from tests.integration.backups.client import Client, opened

SOURCES = {
    "BACKUP_SOURCES": "crm,files",
    "BACKUP_CRM_URL": "postgresql://u:p@127.0.0.1:9/crm",
    "BACKUP_FILES_URL": "sqlite:////nowhere/files.db",
}


@pytest.fixture
def client(azurite: Azurite, tmp_path: Path) -> Iterator[Client]:
    """Of an app of the test's own."""
    with opened(azurite, tmp_path, **SOURCES) as made:
        yield made


@pytest.fixture(scope="session")
def one_for_all(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """For tests to which it is all one which other plans there are."""
    with opened(azurite, tmp_path_factory.mktemp("plans"), **SOURCES) as made:
        yield made
