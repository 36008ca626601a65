"""A company with people in it, and an engine of its own for each test."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from local.azurite import Azurite
from tests.integration.backups.watch.setup import WatchedEngine


@pytest.fixture
def staff(company: Path) -> Path:
    """The company's database with people in it."""
    with closing(sqlite3.connect(company)) as connection:
        connection.execute("DROP TABLE users")
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, role TEXT)")
        people = [("ada@example.com", "system_admin"), ("bob@example.com", "staff")]
        connection.executemany("INSERT INTO users (email, role) VALUES (?, ?)", people)
        connection.commit()
    return company


@pytest.fixture
def engine(azurite: Azurite, staff: Path) -> WatchedEngine:
    return WatchedEngine(azurite, staff)
