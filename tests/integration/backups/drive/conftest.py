"""A Google Drive of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.backups.drive.server import running
from tests.integration.backups.drive.service import DriveServer


@pytest.fixture
def server() -> Iterator[DriveServer]:
    with running() as made:
        yield made
