"""A company with people in it, and an engine of its own for each test."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from local.azurite import Azurite
from tests.integration.backups.watch.setup import WatchedEngine


@pytest.fixture
def staff(tmp_path: Path) -> Path:
    """A company's database with people in it, whose backup is one block of 1.2 MB."""
    path = tmp_path / "company.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE files (content BLOB)")
        connection.execute("INSERT INTO files VALUES (?)", (os.urandom(1_200_000),))
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, role TEXT)")
        people = [("ada@example.com", "system_admin"), ("bob@example.com", "staff")]
        connection.executemany("INSERT INTO users (email, role) VALUES (?, ?)", people)
        connection.commit()
    return path


@pytest.fixture
def engine(azurite: Azurite, staff: Path) -> WatchedEngine:
    return WatchedEngine(azurite, staff)
