"""The SQLite source: consistent beside writers, proved, and every failure by its name."""

from __future__ import annotations

import errno
import itertools
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from shared.backups.source import Contents
from shared.backups.sqlite import source as sqlite
from shared.backups.sqlite.source import SqliteSource
from shared.errors import Damaged, Misconfigured, Refused, Unavailable
from shared.tasks.context import JobContext
from tests.context import job_of
from tests.integration.backups.setup import company_file

ROWS = {"users": 1000, 'odd "name': 0, "files": 20}


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """A database in WAL mode, of 2 MB."""
    return company_file(tmp_path / "company.db", 20)


@pytest.fixture
def database(company: Path, tmp_path: Path) -> SqliteSource:
    return SqliteSource(company, temp=tmp_path, busy_seconds=0.05)


def dumped(source: SqliteSource, job: JobContext | None = None) -> tuple[bytes, Contents]:
    """(a dump's bytes, what the source says is in it)."""
    with source.dump(job or job_of()) as dump:
        return b"".join(dump.chunks), dump.contents


def pieces(content: bytes, size: int = 1_000_000) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


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


class Bank:
    """Accounts between which threads move money all along; the sum never changes."""

    ACCOUNTS = 200
    SUM = ACCOUNTS * 1000

    def __init__(self, path: Path, mode: str) -> None:
        self._path = path
        self._over = threading.Event()
        self.moved = 0
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA journal_mode = {mode}")
            connection.execute("CREATE TABLE accounts (id INTEGER PRIMARY KEY, amount, pad)")
            connection.executemany(
                "INSERT INTO accounts VALUES (?, 1000, ?)",
                [(n, random.randbytes(3000)) for n in range(self.ACCOUNTS)],
            )
            connection.commit()
        self._threads = [threading.Thread(target=self._move, args=(n,)) for n in range(2)]

    def _move(self, seed: int) -> None:
        chance = random.Random(seed)
        with closing(sqlite3.connect(self._path, isolation_level=None, timeout=30)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            while not self._over.wait(0.001):
                one, other = chance.sample(range(self.ACCOUNTS), 2)
                connection.execute("BEGIN IMMEDIATE")
                change = "UPDATE accounts SET amount = amount + ? WHERE id = ?"
                connection.execute(change, (-7, one))
                connection.execute(change, (7, other))
                connection.execute("COMMIT")
                self.moved += 1

    def __enter__(self) -> Bank:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def test_what_is_dumped_is_what_is_proved(database: SqliteSource, tmp_path: Path) -> None:
    assert (database.name, database.engine, database.database) == ("database", "sqlite", "company")
    assert (database.suffix, database.scope) == ("sqlite", "")
    content, contents = dumped(database)
    assert contents.tables == ROWS
    assert set(contents.schema) == {f"table {name}" for name in ROWS}
    assert database.prove(pieces(content), job_of()) == contents
    by_hand = tmp_path / "by-hand.db"
    by_hand.write_bytes(content)
    with closing(sqlite3.connect(by_hand)) as connection:
        assert connection.execute("SELECT count(*) FROM files").fetchone() == (20,)


def test_every_kind_of_object_and_odd_names(
    company: Path, database: SqliteSource, tmp_path: Path
) -> None:
    before = dumped(database)[1].schema
    with closing(sqlite3.connect(company)) as connection:
        connection.executescript("""
            CREATE TABLE "semi;colon -- 'x" (a DEFAULT 'CREATE VIRTUAL', UNIQUE (a));
            CREATE TABLE "Ünï 💾\n" (a INTEGER PRIMARY KEY AUTOINCREMENT);
            CREATE TABLE "select" (a PRIMARY KEY) WITHOUT ROWID;
            CREATE INDEX "by name" ON users ("na me");
            CREATE VIEW seen AS SELECT * FROM users;
            CREATE TRIGGER told AFTER INSERT ON users BEGIN SELECT 1; END;
            CREATE VIRTUAL TABLE notes USING fts5(text);
            INSERT INTO notes VALUES ('one'), ('two');
            INSERT INTO "Ünï 💾\n" DEFAULT VALUES;
            ANALYZE;
        """)
    content, contents = dumped(database)
    assert contents.tables["notes_content"] == 2 and "notes" not in contents.tables
    assert contents.tables["Ünï 💾\n"] == 1 and contents.tables["select"] == 0
    new = set(contents.schema) - set(before)
    assert {"index by name", "view seen", "trigger told", "table notes"} <= new
    assert all(len(digest) == 12 for digest in contents.schema.values())
    assert database.prove(pieces(content), job_of()) == contents
    with closing(sqlite3.connect(company)) as connection:
        connection.executescript("DROP VIEW seen; CREATE VIEW seen AS SELECT id FROM users")
    changed = dumped(database)[1].schema
    assert [n for n in changed if changed[n] != contents.schema[n]] == ["view seen"]


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_writers_go_on_and_change_nothing(
    database: SqliteSource, company: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(sqlite, "_PAGES", 50)
    with closing(sqlite3.connect(company)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    with closing(Writes(company)) as writes:
        job = job_of(stop=writes)
        content, contents = dumped(database, job)
        assert writes.rows > 3
    assert database.prove(pieces(content), job_of()) == contents
    assert ("journal_mode = WAL" in job.log.text()) is (mode == "delete")


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_sum_holds_under_write_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(sqlite, "_PAGES", 20)
    path = tmp_path / "bank.db"
    bank = Bank(path, mode)
    source = SqliteSource(path, temp=tmp_path)
    with bank:
        for number in range(6):
            before = bank.moved
            content, contents = dumped(source)
            while bank.moved == before:  # they never stop for long
                pass
            assert contents.tables == {"accounts": Bank.ACCOUNTS}
            copy = tmp_path / f"copy{number}.db"
            copy.write_bytes(content)
            with closing(sqlite3.connect(copy)) as connection:
                total = connection.execute("SELECT sum(amount) FROM accounts").fetchone()
            assert total == (Bank.SUM,)


def test_what_a_killed_writer_left_undone_is_taken_back(
    database: SqliteSource, company: Path
) -> None:
    with closing(sqlite3.connect(company)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    script = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN")
connection.execute("DELETE FROM files")
connection.execute("UPDATE users SET id = -id")
print("here", flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", script, str(company)]
    with subprocess.Popen(command, stdin=-1, stdout=-1) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == b"here\n"
        writer.send_signal(signal.SIGKILL)
    journal = company.with_name("company.db-journal")
    assert journal.stat().st_size > 0
    assert dumped(database)[1].tables == ROWS


def test_a_missing_file(tmp_path: Path) -> None:
    source = SqliteSource(tmp_path / "none.db", name="shop", setting="BACKUP_SHOP_URL")
    with pytest.raises(Misconfigured, match=r"BACKUP_SHOP_URL is .*/none\.db, and there is no"):
        dumped(source)


def test_not_a_database(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear all, " * 1000)
    with pytest.raises(Misconfigured, match="is not a SQLite database"):
        dumped(SqliteSource(path))


def test_a_damaged_source(database: SqliteSource, company: Path) -> None:
    with closing(sqlite3.connect(company)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    with company.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 20_000)
    with pytest.raises(Refused, match=r"company\.db is damaged"):
        dumped(database)


def test_a_locked_source(database: SqliteSource, company: Path) -> None:
    with closing(sqlite3.connect(company, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unavailable, match="locked"):
            dumped(database)


def test_a_source_locked_in_the_middle(
    database: SqliteSource, company: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_PAGES", 50)
    looks = itertools.count()

    class Locks(threading.Event):
        def is_set(self) -> bool:
            if next(looks) == 3:
                other.execute("BEGIN EXCLUSIVE")
            return False

    with closing(sqlite3.connect(company, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        with pytest.raises(Unavailable, match="locked by another program"):
            dumped(database, job_of(stop=Locks()))


def test_no_room_for_the_copy(
    database: SqliteSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect

    def small(path: Any, **options: Any) -> sqlite3.Connection:
        made: sqlite3.Connection = connect(path, **options)
        if str(path).endswith("copy.sqlite"):
            made.execute("PRAGMA max_page_count = 10")
        return made

    monkeypatch.setattr(sqlite3, "connect", small)
    with pytest.raises(Unavailable, match=f"folder {tmp_path}: is full"):
        dumped(database)
    assert not list(tmp_path.glob("belfry-*"))


def test_no_room_for_the_restored_copy(database: SqliteSource, tmp_path: Path) -> None:
    def full() -> Iterator[bytes]:
        yield b"x"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(Unavailable, match=f"folder {tmp_path}: is full"):
        database.prove(full(), job_of())
    assert not list(tmp_path.glob("belfry-*"))


def test_a_copy_that_cannot_be_read_is_damage(database: SqliteSource) -> None:
    with pytest.raises(Damaged, match="the restored copy cannot be read: file is not a database"):
        database.prove(iter([b"nonsense" * 1000]), job_of())


@pytest.mark.parametrize("where", [0.3, 0.6, 0.9])
def test_a_flipped_or_cut_page_is_damage(database: SqliteSource, where: float) -> None:
    content, contents = dumped(database)
    at = int(len(content) * where) // 4096 * 4096
    with pytest.raises(Damaged):
        database.prove(pieces(content[:at]), job_of())
    garbled = content[:at] + b"\0" * 8 + content[at + 8 :]
    with suppress(Damaged):  # within a blob only the SHA-256 can tell
        assert database.prove(pieces(garbled), job_of()) == contents
