"""Who the system administrators are, by real databases, and what is said when nobody knows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from local import company
from local.ports import HOST, free
from local.postgres import Postgres
from shared.clock import ManualClock
from shared.data.people import administrators
from shared.errors import Misconfigured, Unavailable
from shared.notifications.administrators import Administrators
from shared.notifications.service import notifications_from
from shared.settings import Secret
from shared.storage.connect import Connection
from shared.storage.names import Names
from shared.storage.tables.facts import Meta
from tests.company import TODAY
from tests.integration.notifications.conftest import ANA, EUN, START, Office
from tests.untold import UNTOLD


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """A SQLite database in which Ana and Eun-ji are administrators."""
    path = tmp_path / "comp#any %41?.db"  # what would mean something in a URL
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE users (id INTEGER, email TEXT, role TEXT)")
        people: list[tuple[str | None, str]] = [
            (EUN, "system_admin"),
            (f" {ANA} ", "system_admin"),
            (ANA, "system_admin"),
            ("", "system_admin"),
            (None, "system_admin"),
            ("staff@example.com", "staff"),
        ]
        connection.executemany("INSERT INTO users (email, role) VALUES (?, ?)", people)
        connection.commit()
    return path


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The URL of a PostgreSQL database with the demo company in it."""
    url = postgres.url("people")
    company.build_postgres(url, TODAY)
    yield url
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE people WITH (FORCE)")


@pytest.fixture
def meta(office: Office) -> Meta:
    name = Names(office.prefix).table
    connection = Connection(office.settings().storage)
    connection.create_table(name)
    return Meta(connection.table(name))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


def sqlite_url(path: Path) -> Secret:
    return Secret(f"sqlite:///{quote(str(path))}")


def test_sqlite_says_who_they_are(users: Path) -> None:
    assert administrators(sqlite_url(users)) == [ANA, EUN]


def test_a_relative_path_is_from_the_working_folder(
    users: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (users.parent / ".local").mkdir()
    users.rename(users.parent / ".local" / "company.db")
    monkeypatch.chdir(users.parent)
    assert administrators(Secret("sqlite:///.local/company.db")) == [ANA, EUN]


def test_a_file_that_is_written_to_can_be_read(users: Path) -> None:
    with closing(sqlite3.connect(users)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("INSERT INTO users (email) VALUES ('x')")
        assert administrators(sqlite_url(users)) == [ANA, EUN]


def test_postgresql_says_who_they_are(database: str) -> None:
    expected = ["user1@example.com", "user2@example.com"]
    for scheme in ("postgresql", "postgres", "postgresql+psycopg2"):
        assert administrators(Secret(database.replace("postgresql", scheme))) == expected


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DROP TABLE users", "no such table: users"),
        ("ALTER TABLE users DROP COLUMN role", "no such column"),
    ],
)
def test_a_sqlite_database_of_another_shape_is_misconfigured(
    users: Path, statement: str, said: str
) -> None:
    with closing(sqlite3.connect(users)) as connection:
        connection.execute(statement)
    with pytest.raises(Misconfigured, match=f"DATABASE_URL .*{said}"):
        administrators(sqlite_url(users))


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("ALTER TABLE users RENAME TO people", 'relation "users" does not exist'),
        ("ALTER TABLE users RENAME role TO kind", "column users.role does not exist"),
    ],
)
def test_a_postgresql_database_of_another_shape_is_misconfigured(
    database: str, statement: str, said: str
) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(statement.encode())
    with pytest.raises(Misconfigured, match=f"DATABASE_URL .*{said}"):
        administrators(Secret(database))


def test_a_file_that_is_missing_is_told_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="DATABASE_URL"):
        administrators(Secret(f"sqlite:///{tmp_path}/none.db"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("no database at all" * 1000)
    with pytest.raises(Misconfigured, match="not a database"):
        administrators(Secret(f"sqlite:///{tmp_path}/x.db"))


@pytest.mark.parametrize(
    "url",
    ["nonsense", "mysql://u:hush@h/d", "sqlite://", "sqlite:///:memory:", "postgresql://h:x/d"],
)
def test_what_is_no_url_of_ours_is_told_without_showing_it(url: str) -> None:
    with pytest.raises(Misconfigured, match="DATABASE_URL") as caught:
        administrators(Secret(url))
    assert "hush" not in str(caught.value)


def test_a_wrong_password_is_told_and_not_shown(database: str, postgres: Postgres) -> None:
    with pytest.raises(Misconfigured, match="DATABASE_URL refused: password auth") as caught:
        administrators(Secret(database.replace(postgres.password, "wr0ng-hush")))
    shown = repr(caught.value) + repr(caught.value.__cause__) + repr(caught.value.__context__)
    assert "hush" not in shown


def test_a_database_that_is_not_there_is_told(postgres: Postgres) -> None:
    with pytest.raises(Misconfigured, match='database "nowhere" does not exist'):
        administrators(Secret(postgres.url("nowhere")))


def test_a_server_that_is_away_is_unavailable() -> None:
    (port,) = free(1)
    with pytest.raises(Unavailable, match="DATABASE_URL") as caught:
        administrators(Secret(f"postgresql://u:p4ss-hush@{HOST}:{port}/d"))
    assert "hush" not in repr(caught.value) + repr(caught.value.__context__)


def test_those_who_were_known_are_remembered_when_the_database_is_away(
    users: Path, meta: Meta, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    assert Administrators(sqlite_url(users), meta, clock)() == [ANA, EUN]
    users.unlink()
    assert Administrators(sqlite_url(users), meta, clock)() == [ANA, EUN]
    (record,) = caplog.records
    assert record.getMessage().startswith("administrators_unknown ")
    assert "remembered=2" in record.getMessage()


def test_a_table_of_users_that_was_emptied_does_not_make_them_forgotten(
    users: Path, meta: Meta, clock: ManualClock
) -> None:
    known = Administrators(sqlite_url(users), meta, clock)
    assert known() == [ANA, EUN]
    with closing(sqlite3.connect(users)) as connection:
        connection.execute("DELETE FROM users WHERE trim(email) = ?", (ANA,))
        connection.commit()
        clock.advance(timedelta(minutes=1))
        assert known() == [EUN]
        connection.execute("DELETE FROM users")
        connection.commit()
    clock.advance(timedelta(minutes=1))
    assert known() == [EUN]


def test_the_database_is_asked_once_a_minute(
    users: Path, meta: Meta, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    known = Administrators(sqlite_url(users), meta, clock)
    assert known() == [ANA, EUN]
    users.unlink()
    clock.advance(timedelta(seconds=59))
    assert known() == [ANA, EUN] and caplog.records == []
    clock.advance(timedelta(seconds=1))
    assert known() == known() == [ANA, EUN]
    assert len(caplog.records) == 1


def test_nobody_is_known_at_first(
    meta: Meta, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    assert Administrators(Secret(""), meta, clock)() == []
    assert "DATABASE_URL is not set" in caplog.text


def test_the_mail_that_the_database_is_down_reaches_them(
    office: Office, meta: Meta, users: Path
) -> None:
    settings = office.settings(DATABASE_PATH=str(users))
    connection = Connection(settings.storage)
    notifications = notifications_from(settings, connection, meta, office.clock, UNTOLD)
    notifications.mail_administrators(key="up", subject="s", text="t")
    users.unlink()
    office.clock.advance(timedelta(minutes=1))
    notifications.mail_administrators(key="down", subject="the database is down", text="t")
    assert office.vendors.mailed() == [ANA, EUN, ANA, EUN]
