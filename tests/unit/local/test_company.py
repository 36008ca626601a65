"""The demo company is the same each time, and a build that was interrupted is done again."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from local import company
from local.company import days
from local.state import DamagedFile
from shared.data.models import AppointmentStatus, VaccinationStatus
from shared.errors import Misconfigured
from tests.company import TODAY, at, contents


def build(path: Path, today: date = TODAY) -> Path:
    company.build_sqlite(path, today)
    return path


def _inserts(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [line for line in connection.iterdump() if line.startswith("INSERT")]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("built") / "company.db")


def test_two_builds_are_alike(tmp_path: Path, built: Path) -> None:
    assert _inserts(build(tmp_path / "two.db")) == _inserts(built)


def test_a_complete_one_is_left_alone(tmp_path: Path) -> None:
    path = build(tmp_path / "company.db")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE tenants SET name = 'Mine' WHERE id = 1")
    before = hashlib.sha256(path.read_bytes()).digest()
    build(path)
    build(path, TODAY + timedelta(days=20))
    assert hashlib.sha256(path.read_bytes()).digest() == before


def test_a_later_start_adds_the_days_that_are_missing(tmp_path: Path, built: Path) -> None:
    path = build(tmp_path / "company.db")
    later = TODAY + timedelta(days=200)
    build(path, later)
    before, after = contents(at(built)), contents(at(path))
    for table in before:
        assert after[table][: len(before[table])] == before[table]
    kept = sorted({row[3] for row in after["usage_days"] if isinstance(row[3], date)})
    assert (kept[0], kept[-1]) == (TODAY - timedelta(days=30), later + timedelta(days=60))
    assert all(next_ - one == timedelta(days=1) for one, next_ in pairwise(kept))


def test_an_interrupted_build_is_done_again(
    tmp_path: Path, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, of = tmp_path / "company.db", days.Days.of

    def broken(self: days.Days, day: date) -> dict[str, list[dict[str, object]]]:
        if day == TODAY:
            raise InterruptedError
        return of(self, day)

    with monkeypatch.context() as patch:
        patch.setattr(days.Days, "of", broken)
        with pytest.raises(InterruptedError):
            build(path)
    assert [line for line in _inserts(path) if "belfry_version" not in line] == []
    build(path)
    assert _inserts(path) == _inserts(built)


def test_a_table_that_an_older_build_did_not_know_is_added(tmp_path: Path) -> None:
    path = build(tmp_path / "company.db")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE invoices")
    build(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM invoices").fetchone() == (1200,)


def test_it_has_what_is_hard_to_back_up(built: Path) -> None:
    values = [value for rows in contents(at(built)).values() for row in rows for value in row]
    texts = [value for value in values if isinstance(value, str)]
    assert None in values
    assert any(isinstance(value, bytes) for value in values)
    assert any("\n" in text for text in texts) and any(not text.isascii() for text in texts)
    with closing(sqlite3.connect(built)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_it_has_some_thousands_of_rows_and_two_administrators(built: Path) -> None:
    found = contents(at(built))
    assert 10_000 < sum(len(rows) for rows in found.values()) < 25_000
    assert sum(row[3] == "system_admin" for row in found["users"]) == 2


@pytest.mark.parametrize("today", [TODAY, date(2027, 7, 4)])
def test_each_task_finds_something_to_do_on_each_day(tmp_path: Path, today: date) -> None:
    """Also on a day on which the company is not built."""
    with closing(sqlite3.connect(build(tmp_path / "company.db", today))) as connection:
        for ahead in (0, 1, 13, 30):
            _finds(connection, today + timedelta(days=ahead))


def _finds(connection: sqlite3.Connection, day: date) -> None:
    def count(query: str, *values: object) -> int:
        (found,) = connection.execute(f"SELECT count(*) FROM {query}", values).fetchone()
        return int(found)

    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    planned = (
        "appointments JOIN pets ON pets.id = pet_id JOIN owners ON owners.id = owner_id "
        "WHERE status = 'planned' AND phone <> '' AND sms_opted_in AND starts_at LIKE ?"
    )
    for hour in range(24):
        assert count(planned, f"{midnight + timedelta(hours=hour):%Y-%m-%d %H}:%"), (day, hour)
    before = str(day - timedelta(days=1))
    assert count("appointments WHERE status = 'planned' AND date(starts_at) = ?", before)
    for threshold in (30, 14, 7, 0):
        expires = str(day + timedelta(days=threshold))
        assert count("vaccinations WHERE expires_on = ?", expires)
    assert count("usage_days WHERE day = ? AND closed_at IS NULL", before)
    assert count("commissions WHERE day = ?", before) and count("revenues WHERE day = ?", before)
    (spent,) = connection.execute("SELECT sum(amount_minor) FROM costs WHERE day = ?", [str(day)])
    assert spent[0] > 5000
    good = str(day - timedelta(days=90))
    assert count("reputations WHERE score < 100 AND good_since <= ?", good)


def test_what_is_over_has_its_end(built: Path) -> None:
    yesterday = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) - timedelta(days=2)
    found = contents(at(built))
    over = [row for row in found["appointments"] if _starts(row) < yesterday]
    assert {row[4] for row in over} == {"done", "no_show", "cancelled"}
    assert AppointmentStatus.PLANNED not in {row[4] for row in over}
    expired = [row for row in found["vaccinations"] if row[5] == VaccinationStatus.EXPIRED]
    assert expired and all(isinstance(row[4], date) and row[4] < TODAY for row in expired)


def _starts(row: tuple[object, ...]) -> datetime:
    assert isinstance(row[3], datetime)
    return row[3]


def half(path: Path) -> None:
    """A database whose second half is lost."""
    build(path)
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("spoil", [lambda path: path.write_bytes(os.urandom(10_000)), half])
def test_a_file_that_is_no_whole_database_is_damaged(
    tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    path = tmp_path / "company.db"
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(DamagedFile, match=r"company\.db is no whole SQLite database: ") as caught:
        build(path)
    assert caught.value.file == path and path.read_bytes() == before


def test_a_file_that_cannot_be_used_is_not_damaged(tmp_path: Path) -> None:
    (tmp_path / "company.db").mkdir()
    with pytest.raises(Misconfigured, match=r"company\.db cannot be used: unable to open"):
        build(tmp_path / "company.db")
