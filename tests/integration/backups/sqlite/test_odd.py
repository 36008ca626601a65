"""Databases that are whole though SQLite's own check, as Belfry can run it, is not content."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.backups.source import Contents
from shared.backups.sqlite.source import SqliteSource
from shared.errors import Refused
from tests.context import job_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    """The application's own."""
    with closing(sqlite3.connect(path)) as made:
        yield made


def backed_up(path: Path) -> tuple[Contents, str]:
    """(what it holds, which is also what it proves to hold; what the job's log says)."""
    source, job = SqliteSource(path, temp=path.parent), job_of()
    with source.dump(job) as dump:
        content = b"".join(dump.chunks)
    assert source.prove(iter([content]), job_of()) == dump.contents
    return dump.contents, job.log.text()


def break_page_of(connection: sqlite3.Connection, path: Path, table: str) -> None:
    """Overwrite the first page of a table or an index, behind SQLite's back."""
    sql = "SELECT rootpage FROM sqlite_master WHERE name = ?"
    page = connection.execute(sql, (table,)).fetchone()[0]
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(random.Random(1).randbytes(size))


def broken_rules(connection: sqlite3.Connection) -> None:
    """500 rows that a CHECK forbids, and one with a NULL in a column that became NOT NULL."""
    connection.execute("CREATE TABLE prices (amount CHECK (amount > 0))")
    connection.execute("PRAGMA ignore_check_constraints = 1")
    connection.executemany("INSERT INTO prices VALUES (?)", [(-1,)] * 500)
    connection.execute("CREATE TABLE pets (name, born)")
    connection.execute("INSERT INTO pets (name) VALUES ('Rex')")
    connection.execute("CREATE INDEX by_name ON pets (name)")
    connection.execute("PRAGMA writable_schema = 1")
    connection.execute(
        "UPDATE sqlite_master SET sql = 'CREATE TABLE pets (name, born NOT NULL)' "
        "WHERE name = 'pets'"
    )
    connection.commit()


def own_collation(connection: sqlite3.Connection) -> None:
    connection.create_collation("backwards", lambda one, other: (other > one) - (other < one))
    connection.execute("CREATE TABLE pets (name TEXT COLLATE backwards)")
    connection.execute("CREATE INDEX by_name ON pets (name)")
    connection.execute("CREATE TABLE prices (of TEXT COLLATE backwards PRIMARY KEY) WITHOUT ROWID")
    for table in ("pets", "prices"):
        rows = [(f"{n:04}",) for n in range(300)]
        connection.executemany(f"INSERT INTO {table} VALUES (?)", rows)
    connection.commit()


def own_functions(connection: sqlite3.Connection) -> None:
    connection.create_function("regexp", 2, lambda *_: True, deterministic=True)
    connection.create_function("slug", 1, lambda text: text, deterministic=True)
    connection.create_function("size", 1, lambda _: 1, deterministic=True)
    connection.execute("CREATE TABLE prices (of CHECK (of REGEXP 'x'))")
    connection.execute("CREATE TABLE pets (name, size AS (size(name)) NOT NULL)")
    connection.execute("CREATE INDEX by_slug ON pets (slug(name)) WHERE size(name) = 1")
    for table, column in (("pets", "name"), ("prices", "of")):
        rows = [(f"{n:04}",) for n in range(300)]
        connection.executemany(f"INSERT INTO {table} ({column}) VALUES (?)", rows)
    connection.commit()


def test_rows_that_break_constraints_are_backed_up_and_told(
    connection: sqlite3.Connection, path: Path
) -> None:
    broken_rules(connection)
    contents, log = backed_up(path)
    assert contents.tables == {"prices": 500, "pets": 1}
    assert "WARNING rows break constraints" in log
    assert "CHECK constraint failed in prices (500 rows)" in log
    assert "NULL value in pets.born" in log


@pytest.mark.parametrize(
    ("make", "unknown"),
    [(own_collation, ["collation backwards"]), (own_functions, ["REGEXP()", "size()"])],
)
def test_what_only_the_application_knows_is_told(
    connection: sqlite3.Connection,
    path: Path,
    make: Callable[[sqlite3.Connection], None],
    unknown: list[str],
) -> None:
    make(connection)
    contents, log = backed_up(path)
    assert contents.tables == {"prices": 300, "pets": 300}
    assert "WARNING checked without the application's own" in log
    assert all(name in log for name in unknown)
    assert "rows break" not in log


@pytest.mark.parametrize("make", [broken_rules, own_collation, own_functions])
@pytest.mark.parametrize("what", ["pets", "prices"])
def test_damage_is_damage_beside_all_that(
    connection: sqlite3.Connection,
    path: Path,
    make: Callable[[sqlite3.Connection], None],
    what: str,
) -> None:
    make(connection)
    break_page_of(connection, path, what)
    with pytest.raises(Refused, match=r"shop\.db is damaged"):
        backed_up(path)


def test_an_index_that_lacks_a_row_is_damage_behind_broken_rules(
    connection: sqlite3.Connection, path: Path
) -> None:
    broken_rules(connection)
    connection.execute("CREATE TABLE zoo (a, b)")
    connection.execute("CREATE INDEX zoo_a ON zoo (a)")
    connection.execute("INSERT INTO zoo VALUES (1, 2)")
    connection.execute(
        "UPDATE sqlite_master SET sql = 'CREATE INDEX zoo_a ON zoo (b)' WHERE name = 'zoo_a'"
    )
    connection.commit()
    with pytest.raises(Refused, match=r"is damaged: integrity_check says row 1 missing"):
        backed_up(path)


def test_what_cannot_be_checked_at_all_is_read_and_told(
    connection: sqlite3.Connection, path: Path
) -> None:
    connection.execute("CREATE TABLE notes (a CHECK (a MATCH 'x'))")
    connection.execute("PRAGMA ignore_check_constraints = 1")
    connection.execute("CREATE TABLE pets (a)")
    connection.execute("PRAGMA writable_schema = 1")
    connection.execute("INSERT INTO pets VALUES (1)")
    connection.commit()
    connection.create_function("match", 2, lambda *_: True, deterministic=True)
    connection.execute("INSERT INTO notes VALUES ('x')")
    connection.commit()
    contents, log = backed_up(path)
    assert contents.tables == {"notes": 1, "pets": 1}
    assert "WARNING could not be checked, only their rows be read tables=notes" in log


def test_names_that_are_not_utf8(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("CREATE TABLE pets (a)")
    connection.execute("CREATE TABLE cafe (a)")
    connection.execute("PRAGMA writable_schema = 1")
    connection.execute(
        "UPDATE sqlite_master SET name = CAST(x'636166e9' AS TEXT), "
        "tbl_name = CAST(x'636166e9' AS TEXT), "
        "sql = CAST(CAST('CREATE TABLE ' AS BLOB) || x'636166e9' || '(a)' AS TEXT) "
        "WHERE name = 'cafe'"
    )
    connection.commit()
    contents, log = backed_up(path)
    assert contents.tables == {"pets": 0}
    assert set(contents.schema) == {"table pets", "table caf\\xe9"}
    assert r"WARNING rows not counted: the name is not UTF-8 tables=" in log
