"""The API over an app of its own for each test, with sources that nobody reaches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azurite import Azurite
from tests.integration.backups.client import Client, opened


@pytest.fixture
def client(azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    sources = {
        "BACKUP_SOURCES": "crm,files",
        "BACKUP_CRM_URL": "postgresql://u:p@127.0.0.1:9/crm",
        "BACKUP_FILES_URL": "sqlite:////nowhere/files.db",
    }
    with opened(azurite, tmp_path, **sources) as made:
        yield made
