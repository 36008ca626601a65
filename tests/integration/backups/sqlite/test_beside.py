"""A SQLite database that is gone, and what SQLite had beside it: it is never written into the one
that is restored under the same name."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.backups.source import Target
from shared.backups.sqlite.source import SqliteSource
from shared.errors import Conflict
from tests.context import job_of

LOST = Target(name="shop.db")
ENDINGS = ["-wal", "-shm", "-journal"]
APPLICATION = """
import os, signal, sqlite3
shop = sqlite3.connect({shop!r}, isolation_level=None)
for statement in {statements!r}:
    shop.execute(statement)
os.kill(os.getpid(), signal.SIGKILL)
"""
IN_WAL = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA wal_autocheckpoint = 0",
    "DROP TABLE pets",
    "CREATE TABLE orders (content)",
    "INSERT INTO orders VALUES (randomblob(200000))",
)
IN_JOURNAL = ("PRAGMA cache_size = 5", "BEGIN", "UPDATE pets SET photo = randomblob(3000)")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "live" / "shop.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE pets (photo)")
        photos = [(bytes(3000),)] * 300
        connection.executemany("INSERT INTO pets VALUES (?)", photos)
        connection.commit()
    return path


@pytest.fixture
def backup(shop: Path) -> bytes:
    with SqliteSource(shop).dump(job_of()) as dump:
        return b"".join(dump.chunks)


def rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(connection.execute("SELECT count(*) FROM pets").fetchone()[0])


def names(folder: Path) -> set[str]:
    return {item.name for item in folder.iterdir()}


@pytest.mark.parametrize("statements", [IN_WAL, IN_JOURNAL])
def test_what_a_killed_application_left_is_not_written_into_the_restored_database(
    shop: Path, backup: bytes, statements: tuple[str, ...]
) -> None:
    script = APPLICATION.format(shop=str(shop), statements=statements)
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    shop.unlink()
    left = names(shop.parent)
    assert left & {"shop.db-wal", "shop.db-journal"}
    for _ in left:
        with pytest.raises(Conflict, match=r"shop\.db-[a-z]+ belongs to .*; move it away") as error:
            SqliteSource(shop).restore(iter([backup]), LOST, job_of())
        said = Path(str(error.value).split()[0])
        assert said.name in names(shop.parent) and not shop.exists()
        said.unlink()
    SqliteSource(shop).restore(iter([backup]), LOST, job_of())
    assert rows(shop) == 300 and names(shop.parent) == {"shop.db"}


@pytest.mark.parametrize("ending", ENDINGS)
def test_it_is_refused_before_anything_is_read(shop: Path, ending: str) -> None:
    def untouched() -> Iterator[bytes]:
        raise AssertionError("nothing is to be read before that is clear")
        yield b""

    shop.rename(shop.with_name("away.db"))
    shop.with_name(f"shop.db{ending}").symlink_to("nowhere")  # SQLite would follow it
    with pytest.raises(Conflict, match=f"shop.db{ending} belongs to the shop.db that was there"):
        SqliteSource(shop).restore(untouched(), LOST, job_of())


@pytest.mark.parametrize("ending", ENDINGS)
def test_it_is_refused_as_well_if_it_comes_while_the_backup_is_read(
    shop: Path, backup: bytes, ending: str
) -> None:
    def meanwhile() -> Iterator[bytes]:
        shop.with_name(f"shop.db{ending}").write_bytes(b"late")
        yield backup

    shop.unlink()
    with pytest.raises(Conflict, match=f"shop.db{ending} belongs to the shop.db that was there"):
        SqliteSource(shop).restore(meanwhile(), LOST, job_of())
    assert names(shop.parent) == {f"shop.db{ending}"}


def test_a_database_that_comes_to_be_meanwhile_is_not_replaced_unasked(
    shop: Path, backup: bytes
) -> None:
    shop.unlink()
    with closing(sqlite3.connect(shop)) as application:

        def meanwhile() -> Iterator[bytes]:
            yield backup
            application.execute("PRAGMA journal_mode = WAL")
            application.execute("CREATE TABLE orders (content)")

        with pytest.raises(Conflict, match=r"shop\.db is not empty"):
            SqliteSource(shop).restore(meanwhile(), LOST, job_of())
        assert application.execute("SELECT name FROM sqlite_master").fetchall() == [("orders",)]
    assert names(shop.parent) == {"shop.db"}
