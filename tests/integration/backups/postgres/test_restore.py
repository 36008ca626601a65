"""Restores for good: a new database, an empty one, or one that is replaced, and nothing lost."""

from __future__ import annotations

import contextlib
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from local.postgres import Postgres
from shared.backups.model import differences
from shared.backups.postgres.landing import Landing, shortened
from shared.backups.postgres.names import HOUSEKEEPING, RESTORING, SERVERS_OWN
from shared.backups.postgres.source import PostgresSource
from shared.backups.source import Dump, Target
from shared.clock import ManualClock
from shared.errors import Conflict, Damaged, Invalid, Refused, Unavailable
from shared.settings import Secret
from tests.context import job_of
from tests.integration.backups.postgres.setup import (
    changed,
    column,
    databases_like,
    dumped,
    execute,
    made,
    pieces,
)

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
BILLS = "SELECT sum(n) FROM bills"


class Till:
    """A database of a name, its source, and a dump of it."""

    def __init__(self, postgres: Postgres, name: str) -> None:
        self.postgres, self.name = postgres, name
        bills = "CREATE TABLE bills AS SELECT n FROM generate_series(1, 3) n"
        self.url = made(postgres, bills, name=name)
        self.source = PostgresSource(Secret(self.url))
        self.data, self.dump = dumped(self.source)

    def restore(self, target: Target) -> tuple[str, str | None]:
        job = job_of(clock=ManualClock(NOW))
        done = self.source.restore(pieces(self.data), target, job)
        assert differences(self.dump.contents, done.contents) == ""
        return done.name, done.kept_as

    def of(self, name: str) -> str:
        return changed(self.url, dbname=name)


@pytest.fixture
def till(postgres: Postgres) -> Iterator[Till]:
    """Afterwards nothing half-restored may be left."""
    yield Till(postgres, f"till{uuid.uuid4().hex[:8]}")
    assert databases_like(postgres, RESTORING) == []


@pytest.fixture
def each(either: Postgres) -> Iterator[Till]:
    """The same on a server of each version."""
    yield Till(either, f"till{uuid.uuid4().hex[:8]}")
    assert databases_like(either, RESTORING) == []


def test_a_restore_without_a_target_makes_a_new_database(each: Till) -> None:
    till = each
    name, kept_as = till.restore(Target())
    assert (name, kept_as) == (f"{till.name}_restored_20260304t050607z", None)
    assert column(till.of(name), BILLS) == ["6"]
    again, _ = till.restore(Target())
    assert again != name
    assert again.startswith(name)


def test_a_target_that_is_not_there_is_made(till: Till) -> None:
    name = f'{till.name} "Ö" %s'
    assert till.restore(Target(name=name)) == (name, None)
    assert column(till.of(name), BILLS) == ["6"]


def test_an_empty_target_is_filled_and_keeps_its_ways(each: Till) -> None:
    till = each
    name = f"{till.name}_empty"
    made(till.postgres, name=name)
    execute(
        till.url,
        "CREATE ROLE teller",
        f"ALTER DATABASE {name} OWNER TO teller",
        f"ALTER DATABASE {name} SET work_mem = '7MB'",
        f'ALTER DATABASE {name} SET search_path = public, "$user"',
        f"ALTER ROLE teller IN DATABASE {name} SET my.words = 'it''s \\'",
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {name} TO teller WITH GRANT OPTION",
        f"ALTER DATABASE {name} CONNECTION LIMIT 17",
    )
    ways = (
        "SELECT jsonb_build_array(datdba::regrole, datconnlimit, "
        "(SELECT array_agg(a::text ORDER BY 1) FROM aclexplode(datacl) a), "
        "(SELECT jsonb_agg(jsonb_build_array(setrole::regrole, setconfig) ORDER BY setrole) "
        " FROM pg_db_role_setting WHERE setdatabase = d.oid), encoding, datcollate) "
        "FROM pg_database d WHERE datname = %s"
    )
    before = column(till.url, ways, name)
    assert till.restore(Target(name=name)) == (name, None)
    assert column(till.of(name), BILLS) == ["6"]
    assert column(till.url, ways, name) == before
    assert databases_like(till.postgres, f"{name}_before") == []
    execute(till.url, f"DROP DATABASE {name}", "DROP ROLE teller")


SETTINGS = """
    SELECT unnest(setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
    WHERE datname = %s ORDER BY 1
"""


def test_a_setting_that_is_a_list_is_given_as_it_was(each: Till) -> None:
    till = each
    lists = {
        "search_path": ("''", '"$user", "a,b", "We ""ird", public', "'it''s \\'"),
        "temp_tablespaces": ("''", "pg_default"),
    }
    for setting, values in lists.items():
        for value in values:
            execute(till.url, f"ALTER DATABASE {till.name} SET {setting} TO {value}")
            before = column(till.url, SETTINGS, till.name)
            _, kept_as = till.restore(Target(name=till.name, replace=till.name))
            assert column(till.url, SETTINGS, till.name) == before
            execute(till.of("postgres"), f"DROP DATABASE {kept_as}")


def test_a_setting_that_the_server_takes_no_more_is_refused_once(till: Till) -> None:
    execute(
        till.url,
        "SET allow_system_table_mods = on",
        f"ALTER DATABASE {till.name} SET work_mem = '7MB'",
        "UPDATE pg_db_role_setting SET setconfig = '{gone_since=1}' WHERE setdatabase ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    target = Target(name=till.name, replace=till.name)
    with pytest.raises(Refused, match='unrecognized configuration parameter "gone_since"'):
        till.source.restore(pieces(till.data), target, job_of())
    assert databases_like(till.postgres, till.name) == [till.name]


SOMETHING = {
    "CREATE TABLE mine (n int)": "table mine",
    "CREATE TABLE mine (n text PRIMARY KEY)": "table mine",
    "CREATE VIEW mine AS SELECT 1 AS n": "view mine",
    "CREATE SEQUENCE mine": "sequence mine",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'": "function mine()",
    "CREATE SCHEMA mine": "schema mine",
    "CREATE TYPE mine AS ENUM ('a')": "type mine",
    "CREATE TYPE mine AS (street text)": "composite type mine",
    "SELECT lo_create(0)": "large object ",
    "CREATE FOREIGN DATA WRAPPER mine": "foreign-data wrapper mine",
    "CREATE PUBLICATION mine FOR ALL TABLES": "publication mine",
    "CREATE SUBSCRIPTION mine CONNECTION 'dbname=x' PUBLICATION p "
    "WITH (connect = false, slot_name = NONE)": "subscription mine",
    "CREATE TEXT SEARCH CONFIGURATION mine (COPY = english)": "text search configuration mine",
    "CREATE TEXT SEARCH DICTIONARY mine (TEMPLATE = simple)": "text search dictionary mine",
    "CREATE OPERATOR <=> (FUNCTION = int4pl, LEFTARG = int, RIGHTARG = int)": "operator <=>",
    "CREATE CAST (point AS text) WITH INOUT": "cast from point to text",
    'CREATE COLLATION mine FROM "C"': "collation mine",
    "CREATE CONVERSION mine FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8": "conversion mine",
    "CREATE ACCESS METHOD mine TYPE TABLE HANDLER heap_tableam_handler": "access method mine",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC": "default privileges ",
    "CREATE EXTENSION vector": "extension vector",
}
"""What a database may hold, and what it is called. Of an extension, nobody knows what is in its
tables."""


def test_a_target_that_is_not_empty_stays_as_it_was(till: Till) -> None:
    for number, (something, what) in enumerate(SOMETHING.items()):
        name = f"{till.name}_full{number}"
        made(till.postgres, something, name=name)
        for replace in (None, till.name):
            said = f"'{name}' .* is not empty: it has {re.escape(what)}.*replace"
            with pytest.raises(Conflict, match=said):
                till.restore(Target(name=name, replace=replace))
        assert databases_like(till.postgres, name) == [name]


def test_what_is_not_there_is_not_replaced(till: Till) -> None:
    """A name that is misspelt twice."""
    name = f"{till.name}_no"
    with pytest.raises(Conflict, match=f"there is no database '{name}' at .* to be replaced"):
        till.restore(Target(name=name, replace=name))
    assert databases_like(till.postgres, till.name) == [till.name]


def test_what_every_database_has_may_have_been_made_anew(each: Till) -> None:
    till = each
    name = f"{till.name}_anew"
    anew = ("DROP SCHEMA public", "CREATE SCHEMA public", "DROP EXTENSION plpgsql")
    url = made(till.postgres, *anew, "CREATE EXTENSION plpgsql", name=name)
    with contextlib.closing(psycopg.connect(url, autocommit=True)) as session:
        session.execute("CREATE TEMP TABLE passing (n serial PRIMARY KEY, note text)")
        assert till.restore(Target(name=name)) == (name, None)


def busy(url: str, over: threading.Event, began: threading.Event) -> None:
    """An app that connects anew whenever it is thrown out."""
    while not over.is_set():
        with contextlib.suppress(psycopg.Error), psycopg.connect(url) as connection:
            while not over.is_set():
                connection.execute("SELECT 1")
                began.set()


def test_replacing_keeps_what_was_there_though_it_is_in_use(each: Till) -> None:
    till = each
    execute(till.url, "INSERT INTO bills VALUES (100)", "CREATE TABLE more (n int)")
    over, began = threading.Event(), threading.Event()
    apps = [threading.Thread(target=busy, args=(till.url, over, began)) for _ in range(3)]
    for app in apps:
        app.start()
    try:
        assert began.wait(30)
        done = till.restore(Target(name=till.name, replace=till.name))
    finally:
        over.set()
        for app in apps:
            app.join()
    kept_as = f"{till.name}_before_20260304t050607z"
    assert done == (till.name, kept_as)
    assert column(till.url, BILLS) == ["6"]
    assert column(till.of(kept_as), BILLS) == ["106"]


def test_restores_of_one_second_that_saw_none_of_each_other_take_names_of_their_own(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Landing, "_is", lambda _self, _name: False)
    names = [till.restore(Target())[0] for _ in range(3)]
    assert len(set(names)) == 3
    for name in names:
        assert re.fullmatch(f"{till.name}_restored_20260304t050607z(_[0-9a-f]{{4}})?", name)
        assert column(till.of(name), BILLS) == ["6"]


def test_a_name_of_63_bytes_is_shortened_for_what_is_kept(postgres: Postgres) -> None:
    till = Till(postgres, "ü" * 31 + "x")
    name, kept_as = till.restore(Target(name=till.name, replace=till.name))
    assert (name, kept_as) == (till.name, "ü" * 19 + "_before_20260304t050607z")
    assert column(till.of(str(kept_as)), BILLS) == ["6"]
    assert till.restore(Target())[0] == "ü" * 18 + "_restored_20260304t050607z"
    assert re.fullmatch("ü{16}_restored_20260304t050607z_[0-9a-f]{4}", till.restore(Target())[0])
    assert len(shortened("ü" * 40, "_x").encode()) <= 63


def during(data: bytes, act: Callable[[], object]) -> Iterator[bytes]:
    """A dump; before its last piece something happens."""
    yield data[:-10]
    act()
    yield data[-10:]


def test_a_swap_that_fails_half_way_puts_the_old_one_back(till: Till) -> None:
    """The second renaming fails: somebody is connected to what was restored."""
    execute(till.url, "INSERT INTO bills VALUES (100)")
    held = contextlib.ExitStack()

    def hold() -> None:
        (name,) = databases_like(till.postgres, RESTORING)
        held.enter_context(contextlib.closing(psycopg.connect(till.of(name))))

    target = Target(name=till.name, replace=till.name)
    said = r"could not be swapped: .* is being accessed by other"
    with held, pytest.raises(Unavailable, match=said):
        till.source.restore(during(till.data, hold), target, job_of())
    assert column(till.url, BILLS) == ["106"]
    assert databases_like(till.postgres, till.name) == [till.name]


def test_a_target_that_is_filled_meanwhile_is_kept(till: Till) -> None:
    name = f"{till.name}_filling"
    url = made(till.postgres, name=name)
    job = job_of(clock=ManualClock(NOW))

    def fill() -> None:
        execute(url, "CREATE TABLE mine AS SELECT 5 AS n")

    done = till.source.restore(during(till.data, fill), Target(name=name), job)
    assert (done.name, done.kept_as) == (name, f"{name}_before_20260304t050607z")
    assert column(till.of(str(done.kept_as)), "SELECT n FROM mine") == ["5"]
    assert column(url, BILLS) == ["6"]


def test_a_target_that_is_made_meanwhile_stays(till: Till) -> None:
    name = f"{till.name}_race"

    def make() -> None:
        made(till.postgres, "CREATE TABLE mine AS SELECT 5 AS n", name=name)

    with pytest.raises(Conflict, match=f"'{name}' was made by another"):
        till.source.restore(during(till.data, make), Target(name=name), job_of())
    assert column(till.of(name), "SELECT n FROM mine") == ["5"]


def test_a_dump_that_is_damaged_changes_nothing(till: Till) -> None:
    execute(till.url, "INSERT INTO bills VALUES (100)")
    for target in (Target(), Target(name=till.name, replace=till.name)):
        with pytest.raises(Damaged):
            till.source.restore(iter([till.data[:-200]]), target, job_of())
    assert column(till.url, BILLS) == ["106"]
    assert databases_like(till.postgres, till.name) == [till.name]


def test_what_a_killed_restore_left_is_dropped_by_the_next(till: Till) -> None:
    left = RESTORING + "0"
    made(till.postgres, "CREATE TABLE half (n int)", name=left)
    till.restore(Target())
    assert databases_like(till.postgres, RESTORING) == []


def test_what_a_killed_restore_left_is_dropped_by_the_next_backup(till: Till) -> None:
    """A restore that goes on in another process keeps what it makes."""
    left, living = RESTORING + "0", RESTORING + "1"
    for name in (left, living):
        made(till.postgres, "CREATE TABLE half (n int)", name=name)
    under_way = psycopg.connect(till.of("postgres"), autocommit=True, application_name=living)
    with contextlib.closing(under_way):
        job = job_of()
        dumped(till.source, job)
        assert databases_like(till.postgres, RESTORING) == [living]
        assert f"database={left}" in job.log.text()
    dumped(till.source)
    assert databases_like(till.postgres, RESTORING) == []


def test_who_may_not_drop_it_takes_the_backup_all_the_same(till: Till) -> None:
    left = RESTORING + "0"
    made(till.postgres, "CREATE TABLE half (n int)", name=left)
    execute(till.url, f"CREATE ROLE {till.name} LOGIN PASSWORD 'x' IN ROLE pg_read_all_data")
    job = job_of()
    reader = Secret(changed(till.url, user=till.name, password="x"))
    dumped(PostgresSource(reader), job)
    assert f'not dropped database={left} error="must be owner' in job.log.text()
    execute(till.of("postgres"), f"DROP DATABASE {left}")


NONE_OF_YOURS = ["", "x" * 64, "a\0b", "belfry_scratch_1", RESTORING + "1"]


@pytest.mark.parametrize("name", [*NONE_OF_YOURS, *SERVERS_OWN, *HOUSEKEEPING])
def test_a_name_that_cannot_be(till: Till, name: str) -> None:
    before = databases_like(till.postgres, "")
    for replace in (None, name):
        with pytest.raises(Invalid, match="target: "):
            till.restore(Target(name=name, replace=replace))
    assert databases_like(till.postgres, "") == before


def test_the_source_is_gone(till: Till) -> None:
    """The worst night: the database that the URL names is not there any more."""
    execute(till.postgres.url("postgres"), f"DROP DATABASE {till.name}")
    assert till.restore(Target(name=till.name)) == (till.name, None)
    assert column(till.url, BILLS) == ["6"]


@pytest.fixture
def staffed(either: Postgres) -> Iterator[tuple[PostgresSource, bytes, Dump]]:
    """A source whose tables belong to roles, of which one is gone since the dump."""
    admin = either.url("postgres")
    execute(admin, "CREATE ROLE stays", "CREATE ROLE leaves")
    url = made(
        either,
        "CREATE TABLE a (n int)",
        "ALTER TABLE a OWNER TO stays",
        "CREATE TABLE b (n int)",
        "ALTER TABLE b OWNER TO leaves",
        "CREATE TABLE c (n int PRIMARY KEY)",
        "GRANT SELECT ON c TO stays",
        "CREATE TABLE d (n int)",
        "GRANT SELECT ON d TO leaves",
        "INSERT INTO b VALUES (1)",
    )
    source = PostgresSource(Secret(url))
    data, dump = dumped(source)
    execute(url, "ALTER TABLE b OWNER TO belfry", "DROP OWNED BY leaves", "DROP ROLE leaves")
    yield source, data, dump
    for name in databases_like(either, url.rpartition("/")[2]):
        execute(admin, f"DROP DATABASE {name}")
    execute(admin, "DROP ROLE stays")


def test_owners_and_privileges_come_back_as_far_as_their_roles_are_there(
    either: Postgres, staffed: tuple[PostgresSource, bytes, Dump]
) -> None:
    source, data, dump = staffed
    job = job_of()
    done = source.restore(pieces(data), Target(), job)
    assert differences(dump.contents, done.contents) == ""
    url = either.url(done.name)
    owners = "SELECT relname || ' ' || relowner::regrole FROM pg_class WHERE relname ~ '^[a-d]$'"
    assert sorted(column(url, owners)) == ["a stays", "b belfry", "c belfry", "d belfry"]
    assert column(url, "SELECT has_table_privilege('stays', 'c', 'SELECT')") == ["True"]
    assert 'role \\"leaves\\" does not exist" times=2' in job.log.text()
    assert "stays" not in job.log.text()


def test_a_role_that_a_definition_needs_is_not_forgiven(postgres: Postgres) -> None:
    admin = postgres.url("postgres")
    execute(admin, "CREATE ROLE reads")
    url = made(
        postgres,
        "CREATE TABLE a (n int)",
        "ALTER TABLE a ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY p ON a TO reads USING (n > 0)",
    )
    source = PostgresSource(Secret(url))
    data, _ = dumped(source)
    execute(url, "DROP POLICY p ON a", "DROP ROLE reads")
    with pytest.raises(Refused, match='role "reads" does not exist'):
        source.restore(pieces(data), Target(), job_of())
    assert databases_like(postgres, RESTORING) == []
