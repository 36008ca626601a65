"""The SQLite source: proved end to end, beside writers, and every failure by its name."""

from __future__ import annotations

import errno
import hashlib
import os
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import zstandard

from shared.backups import sqlite
from shared.backups.sqlite import SqliteSource
from shared.errors import Cancelled, Damaged, Misconfigured, Refused, Unavailable
from tests.context import job_of
from tests.integration.backups.conftest import COMPANY
from tests.integration.backups.setup import Shelf


class Writes(threading.Event):
    """Never set, but each look at it writes a row: a writer between every two steps."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=0)
        self.rows = 0

    def is_set(self) -> bool:
        try:
            self._connection.execute("INSERT INTO users DEFAULT VALUES")
            self.rows += 1
        except sqlite3.OperationalError:  # the copy holds the lock at this moment
            pass
        return False

    def close(self) -> None:
        self._connection.close()


def test_a_proved_backup(shelf: Shelf, database: SqliteSource, tmp_path: Path) -> None:
    manifest = shelf.take(database)
    assert manifest["verified"] is True
    assert manifest["tables"] == COMPANY
    assert manifest["engine"] == "sqlite"
    assert manifest["blob"].startswith("company/")
    assert shelf.blobs() == {manifest["blob"]: "true"}
    assert [item.to_json() for item in shelf.manifests("company")] == [manifest]
    with shelf.open() as container:
        content = container.download_blob(manifest["blob"]).readall()
    assert len(content) == manifest["bytes"] > 4 * 1024 * 1024
    assert hashlib.sha256(content).hexdigest() == manifest["sha256"]
    restored = tmp_path / "by-hand.db"
    restored.write_bytes(zstandard.ZstdDecompressor().decompressobj().decompress(content))
    assert restored.stat().st_size == manifest["uncompressed_bytes"]
    with closing(sqlite3.connect(restored)) as connection:
        assert connection.execute("SELECT count(*) FROM files").fetchone() == (60,)


def test_its_temporary_files_are_gone(shelf: Shelf, database: SqliteSource, tmp_path: Path) -> None:
    shelf.take(database)
    assert not list(tmp_path.glob("belfry-*"))


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_writers_go_on_and_change_nothing(
    shelf: Shelf, database: SqliteSource, company: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(sqlite, "_PAGES", 50)
    with closing(sqlite3.connect(company)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    with closing(Writes(company)) as writes:
        job = job_of(stop=writes)
        manifest = shelf.take(database, job)
        assert writes.rows > 3
    assert manifest["verified"] is True
    assert ("locking it" in job.log.text()) is (mode == "delete")


def test_the_folder_of_a_killed_process_is_removed(
    shelf: Shelf, database: SqliteSource, tmp_path: Path
) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    dead = tmp_path / f"belfry-backup-{gone.pid}-abc"
    live = tmp_path / f"belfry-backup-{os.getpid()}-abc"
    for folder in (dead, live):
        folder.mkdir()
    shelf.take(database)
    assert not dead.exists()
    assert live.exists()


def test_a_missing_file(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"DATABASE_PATH is .*/none\.db, and there is no such"):
        shelf.take(SqliteSource(tmp_path / "none.db"))
    assert shelf.everything() == []


def test_not_a_database(shelf: Shelf, tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear all, " * 1000)
    with pytest.raises(Misconfigured, match="is not a SQLite database"):
        shelf.take(SqliteSource(path))
    assert shelf.everything() == []


def test_a_damaged_source(shelf: Shelf, database: SqliteSource, company: Path) -> None:
    with closing(sqlite3.connect(company)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    with company.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 20_000)
    with pytest.raises(Refused, match=r"company\.db is damaged"):
        shelf.take(database)
    assert shelf.everything() == []


def test_a_locked_source(shelf: Shelf, database: SqliteSource, company: Path) -> None:
    with closing(sqlite3.connect(company, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unavailable, match="locked"):
            shelf.take(database)
    assert shelf.everything() == []


def test_no_room_for_the_copy(
    shelf: Shelf, database: SqliteSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect

    def small(path: Any, **options: Any) -> sqlite3.Connection:
        made: sqlite3.Connection = connect(path, **options)
        if str(path).endswith("copy.sqlite"):
            made.execute("PRAGMA max_page_count = 10")
        return made

    monkeypatch.setattr(sqlite3, "connect", small)
    with pytest.raises(Unavailable, match=f"temp folder {tmp_path}: is full"):
        shelf.take(database)
    assert shelf.everything() == []


def test_no_room_for_the_restored_copy(database: SqliteSource, tmp_path: Path) -> None:
    def full() -> Iterator[bytes]:
        yield b"x"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(Unavailable, match=f"temp folder {tmp_path}: is full"):
        database.restore(full(), job_of())
    assert not list(tmp_path.glob("belfry-*"))


def test_a_copy_that_cannot_be_read_is_damage(database: SqliteSource) -> None:
    with pytest.raises(Damaged, match="the restored copy cannot be read: file is not a database"):
        database.restore(iter([b"nonsense" * 1000]), job_of())


def test_a_stopped_job_leaves_nothing(shelf: Shelf, database: SqliteSource, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        shelf.take(database, job_of(stop=stop))
    assert shelf.everything() == []
    assert not list(tmp_path.glob("belfry-*"))
