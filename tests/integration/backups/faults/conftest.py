"""A proxy before storage, two destinations, and a small company."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from local.azurite import Azurite
from shared.backups.sqlite.source import SqliteSource
from tests.faults import FaultProxy
from tests.integration.backups.killed import Nursery
from tests.integration.backups.setup import OFFSITE, PRIMARY, Shelf


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for storage looks sooner whether it is back."""
    monkeypatch.setattr("shared.storage.blobs.blocks._FIRST_PAUSE", 0.02)


@pytest.fixture
def proxy(azurite: Azurite) -> Iterator[FaultProxy]:
    with FaultProxy(azurite.connection_string) as running:
        yield running


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    running = Nursery()
    try:
        yield running
    finally:
        running.close()


@pytest.fixture
def two(shelf: Shelf) -> Shelf:
    return replace(shelf, names=(PRIMARY, OFFSITE))


@pytest.fixture
def small(tmp_path: Path) -> SqliteSource:
    """A database whose backup is one block."""
    path = tmp_path / "small.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
        connection.executemany("INSERT INTO users (name) VALUES (?)", [(str(n),) for n in range(9)])
        connection.commit()
    return SqliteSource(path, temp=tmp_path, busy_seconds=0.05)
