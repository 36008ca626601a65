"""The demo company is the same each time, and a build that was interrupted is done again."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from local import company
from local.state import DamagedFile
from shared.errors import Misconfigured


def _dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_it_has_some_thousands_of_rows_and_two_administrators() -> None:
    tables = {table.name: table.rows for table in company.tables()}
    assert 5_000 < sum(len(rows) for rows in tables.values()) < 10_000
    assert sum(row[3] == "system_admin" for row in tables["users"]) == 2
    assert company.tables() == company.tables()


def test_two_builds_are_alike(tmp_path: Path) -> None:
    company.build_sqlite(tmp_path / "one.db")
    company.build_sqlite(tmp_path / "two.db")
    assert _dump(tmp_path / "one.db") == _dump(tmp_path / "two.db")


def test_a_complete_one_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "company.db"
    company.build_sqlite(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE tenants SET name = 'Mine' WHERE id = 1")
    before = hashlib.sha256(path.read_bytes()).digest()
    company.build_sqlite(path)
    assert hashlib.sha256(path.read_bytes()).digest() == before


def test_an_interrupted_build_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, whole = tmp_path / "company.db", company.tables()
    broken = company.Table("costs", whole[-1].columns, [(None,)])
    with monkeypatch.context() as patch:
        patch.setattr(company, "tables", lambda: [*whole[:-1], broken])
        with pytest.raises(sqlite3.Error):
            company.build_sqlite(path)
    assert _dump(path) == ["BEGIN TRANSACTION;", "COMMIT;"]
    company.build_sqlite(path)
    company.build_sqlite(tmp_path / "other.db")
    assert _dump(path) == _dump(tmp_path / "other.db")


def test_a_table_that_an_older_build_did_not_know_is_added(tmp_path: Path) -> None:
    path = tmp_path / "company.db"
    company.build_sqlite(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE invoices")
    company.build_sqlite(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM invoices").fetchone() == (1200,)


def test_it_has_what_is_hard_to_back_up(tmp_path: Path) -> None:
    values = [value for table in company.tables() for row in table.rows for value in row]
    texts = [value for value in values if isinstance(value, str)]
    assert None in values
    assert any(isinstance(value, bytes) for value in values)
    assert any("\n" in text for text in texts) and any(not text.isascii() for text in texts)
    assert {-2} == {value.as_tuple().exponent for value in values if isinstance(value, Decimal)}
    company.build_sqlite(tmp_path / "company.db")
    with closing(sqlite3.connect(tmp_path / "company.db")) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def half(path: Path) -> None:
    """A database whose second half is lost."""
    company.build_sqlite(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE invoices")
        connection.commit()
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("spoil", [lambda path: path.write_bytes(os.urandom(10_000)), half])
def test_a_file_that_is_no_whole_database_is_damaged(
    tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    path = tmp_path / "company.db"
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(DamagedFile, match=r"company\.db is no whole SQLite database: ") as caught:
        company.build_sqlite(path)
    assert caught.value.file == path and path.read_bytes() == before


def test_a_file_that_cannot_be_used_is_not_damaged(tmp_path: Path) -> None:
    (tmp_path / "company.db").mkdir()
    with pytest.raises(Misconfigured, match=r"company\.db cannot be used: unable to open"):
        company.build_sqlite(tmp_path / "company.db")
