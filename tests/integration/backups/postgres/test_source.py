"""The PostgreSQL source: proved, beside writers, and every failure by its name."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from local import ports
from local import postgres as local_postgres
from local.postgres import Postgres
from shared.backups.model import differences
from shared.backups.postgres import source as module
from shared.backups.postgres.contents import contents
from shared.backups.postgres.source import SCRATCH, PostgresSource
from shared.errors import (
    BelfryError,
    Cancelled,
    Damaged,
    Misconfigured,
    Refused,
    Unavailable,
    Unprovable,
)
from shared.settings import Secret
from tests.conftest import scratch
from tests.context import job_of
from tests.integration.backups.conftest import SHOP, scratch_databases
from tests.integration.backups.postgres.setup import (
    changed,
    column,
    dumped,
    execute,
    made,
    pieces,
    programs,
    proved,
)
from tests.integration.backups.setup import Meddled


def test_a_proved_dump(postgres_source: PostgresSource) -> None:
    dump = proved(postgres_source)
    assert dump.contents.tables == SHOP
    assert {"table public.orders", "index public.orders_pkey"} <= set(dump.contents.schema)
    assert dump.engine_version.startswith("18.")
    assert dump.dump_version.startswith("pg_dump (PostgreSQL) 18.")
    assert (postgres_source.name, postgres_source.database) == ("postgres", "shop")
    assert (postgres_source.suffix, postgres_source.scope) == ("dump", "")


def test_rows_written_during_the_dump_change_nothing(
    postgres_source: PostgresSource, shop: str
) -> None:
    def write() -> None:
        execute(shop, "INSERT INTO parts VALUES (4)", "DELETE FROM orders WHERE id > 29000")

    try:
        assert proved(Meddled(postgres_source, in_dump=write)).contents.tables == SHOP
    finally:
        execute(
            shop,
            "DELETE FROM parts WHERE n = 4",
            "INSERT INTO orders SELECT n, repeat(md5(n::text), 4) "
            "FROM generate_series(29001, 30000) n",
        )


def test_the_password_is_in_no_argument_or_log(
    postgres_source: PostgresSource, postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[bytes] = []

    def look() -> None:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                seen.append((process / "cmdline").read_bytes())
            except OSError:  # it ended meanwhile
                continue

    job = job_of()
    with caplog.at_level("DEBUG"):
        dump = proved(Meddled(postgres_source, in_dump=look, in_restore=look), job)
    assert {"pg_dump", "pg_restore"} <= {Path(line.split(b"\0")[0].decode()).name for line in seen}
    secret = postgres.password
    assert secret.encode() not in b"".join(seen)
    assert secret not in caplog.text + job.log.text() + str(dump) + repr(postgres_source)


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"password": "wr0ng-s3cret"}, Refused, "refused user 'belfry': password authentication"),
        ({"user": "nobody"}, Refused, "refused user 'nobody'"),
        ({"dbname": "nowhere"}, Refused, "there is no database 'nowhere'"),
        ({"host": "does.not.exist.invalid"}, Unavailable, "could not be reached at does.not.exist"),
    ],
)
def test_a_source_that_cannot_be_connected_to(
    shop: str, changes: dict[str, str], kind: type[BelfryError], said: str
) -> None:
    with pytest.raises(kind, match=said) as caught:
        proved(PostgresSource(Secret(changed(shop, **changes))))
    assert str(conninfo_to_dict(shop)["password"]) not in str(caught.value)
    assert "wr0ng-s3cret" not in str(caught.value)


def test_a_server_that_is_down(shop: str) -> None:
    (port,) = ports.free(1)
    with pytest.raises(Unavailable, match=rf"could not be reached at 127\.0\.0\.1:{port}"):
        proved(PostgresSource(Secret(changed(shop, port=port))))


@pytest.fixture
def reader(shop: str) -> Iterator[str]:
    """The URL for a user who may connect, and nothing else."""
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'reads-0nly'")
        yield changed(shop, user="reader", password="reads-0nly")
        connection.execute("DROP ROLE reader")


def test_a_user_who_may_not_read(reader: str) -> None:
    with pytest.raises(Refused, match="permission denied for"):
        proved(PostgresSource(Secret(reader)))


def test_a_scratch_server_that_allows_no_new_database(shop: str, reader: str) -> None:
    source = PostgresSource(Secret(shop), scratch_url=Secret(reader))
    with pytest.raises(Refused, match="postgres scratch server: permission denied to create"):
        proved(source)


def test_a_scratch_server_that_is_down_leaves_nothing(shop: str) -> None:
    (port,) = ports.free(1)
    source = PostgresSource(Secret(shop), scratch_url=Secret(changed(shop, port=port)))
    with pytest.raises(Unavailable, match="postgres scratch server: could not be reached"):
        proved(source)


def test_pg_dump_that_dies_half_way(shop: str, postgres: Postgres, tmp_path: Path) -> None:
    script = 'echo "CREATE TABLE"; echo "pg_dump: error: lost with $PGPASSWORD" >&2; exit 1'
    folder = programs(tmp_path / "bin", postgres.bin, "pg_dump", script)
    with pytest.raises(Unavailable) as caught:
        proved(PostgresSource(Secret(shop), folder=folder))
    assert str(caught.value) == (
        "postgres: pg_dump ended half-way with code 1: pg_dump: error: lost with ***"
    )


def test_pg_dump_that_is_killed(shop: str, postgres: Postgres, tmp_path: Path) -> None:
    folder = programs(tmp_path / "bin", postgres.bin, "pg_dump", "echo CREATE; kill -9 $$")
    with pytest.raises(Unavailable, match="half-way with signal 9: it said nothing"):
        proved(PostgresSource(Secret(shop), folder=folder))


def test_pg_dump_that_is_too_old(shop: str, postgres: Postgres, tmp_path: Path) -> None:
    script = 'echo "pg_dump: error: aborting because of server version mismatch" >&2; exit 1'
    folder = programs(tmp_path / "bin", postgres.bin, "pg_dump", script)
    with pytest.raises(Misconfigured, match="older than the server; set POSTGRES_BIN"):
        proved(PostgresSource(Secret(shop), folder=folder))


def test_pg_dump_that_cannot_be_started(shop: str, postgres: Postgres, tmp_path: Path) -> None:
    folder = programs(tmp_path / "bin", postgres.bin, "pg_dump", "")
    (folder / "pg_dump").chmod(0o644)
    with pytest.raises(Misconfigured, match=r"pg_dump cannot be started .* see POSTGRES_BIN"):
        proved(PostgresSource(Secret(shop), folder=folder))


def test_what_was_counted_cannot_be_emptied_before_it_is_dumped(
    postgres: Postgres, tmp_path: Path
) -> None:
    """No snapshot protects from TRUNCATE, which would make a good backup look damaged."""
    url = made(postgres, "CREATE TABLE bills AS SELECT 1 AS n")
    truncate = f'PGOPTIONS="-c lock_timeout=100" {postgres.bin}/psql -q -c "TRUNCATE bills"'
    script = f'{truncate}\nexec {postgres.bin}/pg_dump "$@"'
    folder = programs(tmp_path / "bin", postgres.bin, "pg_dump", script)
    dump = proved(PostgresSource(Secret(url), folder=folder))
    assert dump.contents.tables == {"public.bills": 1}


def test_a_dump_that_is_not_whole_is_damage(postgres_source: PostgresSource) -> None:
    data, _ = dumped(postgres_source)
    with pytest.raises(Damaged, match="cannot be restored: pg_restore: error: could not read"):
        postgres_source.prove(iter([data[:5000]]), job_of())


@pytest.mark.parametrize("data", [b"", b"PGDMP", b"SQLite format 3" * 1000])
def test_what_is_no_dump_is_damage(postgres_source: PostgresSource, data: bytes) -> None:
    with pytest.raises(Damaged, match="cannot be restored: pg_restore: error: "):
        postgres_source.prove(iter([data]), job_of())


def test_a_dump_by_a_newer_program_is_not_damage(postgres_source: PostgresSource) -> None:
    data, _ = dumped(postgres_source)
    newer = data[:6] + bytes([data[6] + 1]) + data[7:]
    with pytest.raises(Misconfigured, match=r"newer pg_dump .*unsupported version .*POSTGRES_BIN"):
        postgres_source.prove(iter([newer]), job_of())


def test_a_dump_that_comes_byte_by_byte(postgres_source: PostgresSource) -> None:
    data, dump = dumped(postgres_source)
    slowly = itertools.chain((data[at : at + 1] for at in range(100)), [data[100:]])
    assert differences(dump.contents, postgres_source.prove(slowly, job_of())) == ""


@pytest.fixture
def unsound(postgres: Postgres) -> str:
    """The URL of a database that works, and whose dump cannot be restored: a function changed after
    the index that now fails by it."""
    rule = "FUNCTION double(n int) RETURNS int IMMUTABLE LANGUAGE sql AS"
    return made(
        postgres,
        f"CREATE {rule} 'SELECT 2 * n'",
        "CREATE TABLE fees (n int)",
        "INSERT INTO fees VALUES (1)",
        "CREATE INDEX doubled ON fees (double(n))",
        f"CREATE OR REPLACE {rule} 'SELECT n / 0'",
    )


def test_a_dump_that_no_restore_takes_leaves_nothing(unsound: str, postgres: Postgres) -> None:
    with pytest.raises(Unprovable, match=r"index public\.doubled: division by zero"):
        proved(PostgresSource(Secret(unsound)))
    assert scratch_databases(postgres) == []


def end_backends(url: str, condition: str, *given: object) -> None:
    """End the first connection of which that is true, as soon as there is one."""
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE " + condition
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(100_000):  # each is a question to the server: no time is measured
            if connection.execute(query.encode(), given or None).fetchone():
                return
    raise AssertionError(condition)


def test_a_scratch_server_that_ends_the_connection_is_not_damage(
    postgres_source: PostgresSource, postgres: Postgres
) -> None:
    def end_it() -> None:
        copying = "starts_with(datname, %s) AND query LIKE 'COPY%%'"
        end_backends(postgres.url("postgres"), copying, SCRATCH)

    with pytest.raises(Unavailable, match="postgres scratch server: pg_restore failed: "):
        proved(Meddled(postgres_source, in_restore=end_it, after=2))


def test_the_source_ends_the_connection_of_pg_dump(
    postgres_source: PostgresSource, shop: str
) -> None:
    def end_it() -> None:
        end_backends(shop, "datname = 'shop' AND application_name = 'belfry' AND query ~ '^COPY'")

    with pytest.raises(
        Unavailable, match=r"postgres: pg_dump ended half-way with code 1: .*error: "
    ):
        dumped(Meddled(postgres_source, in_dump=end_it))


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("connection to server at $PGHOST was lost", Unavailable),
        ('could not translate host name "x" to address', Unavailable),
        ("could not execute query: ERROR:  could not extend file: No space left", Unavailable),
        ("COPY failed for table t: could not receive data from server: timeout", Unavailable),
        ('could not execute query: ERROR:  extension \\"gis\\" is not available', Refused),
        ('could not execute query: ERROR:  role \\"clerk\\" does not exist', Refused),
        ("could not execute query: ERROR:  permission denied to create extension", Refused),
    ],
)
def test_a_fault_of_the_scratch_server_is_not_damage(
    shop: str, postgres: Postgres, tmp_path: Path, said: str, kind: type[BelfryError]
) -> None:
    script = f'cat >&-; echo "pg_restore: error: {said}" >&2; exit 1'
    folder = programs(tmp_path / "bin", postgres.bin, "pg_restore", script)
    with pytest.raises(kind) as caught:
        proved(PostgresSource(Secret(shop), folder=folder))
    assert caught.type is kind
    assert scratch_databases(postgres) == []


def test_owners_and_privileges_are_kept_and_not_needed_to_prove(
    postgres: Postgres, tmp_path: Path
) -> None:
    url = made(
        postgres,
        "CREATE ROLE clerk",
        "CREATE TABLE bills (n int)",
        "GRANT SELECT ON bills TO clerk",
        "ALTER TABLE bills OWNER TO clerk",
    )
    source = PostgresSource(Secret(url))
    data, _ = dumped(source)
    (tmp_path / "dump").write_bytes(data)
    script = subprocess.run(
        [postgres.bin / "pg_restore", "-f", "-", tmp_path / "dump"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "ALTER TABLE public.bills OWNER TO clerk;" in script
    execute(url, "DROP OWNED BY clerk", "DROP ROLE clerk")
    source.prove(pieces(data), job_of())


TABLES = 400


@pytest.fixture
def few_locks() -> Iterator[Postgres]:
    """A server with locks for a few hundred tables; one as it comes has them for some thousand."""
    settings = ("max_locks_per_transaction = 10", "max_connections = 15", "fsync = off")
    with scratch() as folder:
        with local_postgres.start(folder) as server:
            execute(server.url("postgres"), *(f"ALTER SYSTEM SET {one}" for one in settings))
        with local_postgres.start(folder) as server:
            yield server


def test_more_tables_than_one_transaction_can_restore(few_locks: Postgres, tmp_path: Path) -> None:
    url = made(few_locks)
    table = "CREATE TABLE t{0} (n int PRIMARY KEY, note text CHECK (note IN ('a', 'b')))"
    execute(url, *(table.format(number) for number in range(TABLES)))
    source = PostgresSource(Secret(url))
    data, dump = dumped(source)
    assert len(dump.contents.tables) == TABLES
    assert differences(dump.contents, source.prove(pieces(data), job_of())) == ""
    # Why not restored in one transaction, which would hold every lock to its end:
    (tmp_path / "dump").write_bytes(data)
    command = [str(few_locks.bin / "pg_restore"), "--single-transaction", "-d", made(few_locks)]
    done = subprocess.run([*command, tmp_path / "dump"], capture_output=True, text=True)
    assert "out of shared memory" in done.stderr


def test_scratch_databases_of_killed_runs_are_dropped_and_others_are_not(
    shop: str, postgres: Postgres
) -> None:
    left, used, other = SCRATCH + "0", SCRATCH + "1", "belfry_shop"
    admin = psycopg.connect(shop, autocommit=True, application_name=used)
    with admin:
        for name in (left, used, other):
            admin.execute(f"CREATE DATABASE {name}".encode())
        job = job_of()
        proved(PostgresSource(Secret(shop)), job)
        assert scratch_databases(postgres) == [used]
        assert f"database={left}" in job.log.text()
        admin.execute(f"DROP DATABASE {used}")
        admin.execute(f"DROP DATABASE {other}")


def clients() -> set[int]:
    """The client programs of this process that run now: another worker has its own."""
    children = psutil.Process().children()
    return {child.pid for child in children if child.name() in ("pg_dump", "pg_restore")}


def test_a_dump_that_is_told_to_stop_ends(postgres_source: PostgresSource) -> None:
    stop = threading.Event()
    before = clients()
    with postgres_source.dump(job_of(stop=stop)) as dump:
        next(dump.chunks)
        stop.set()
    assert clients() <= before


def test_a_proof_that_is_told_to_stop_leaves_nothing(postgres_source: PostgresSource) -> None:
    stop = threading.Event()
    data, _ = dumped(postgres_source)
    before = clients()
    with pytest.raises(Cancelled):
        Meddled(postgres_source, in_restore=stop.set).prove(pieces(data), job_of(stop=stop))
    assert clients() <= before


def test_a_job_that_waits_for_a_locked_table_heeds_being_told_to_stop(
    shop: str, postgres_source: PostgresSource
) -> None:
    stop = threading.Event()
    with contextlib.closing(psycopg.connect(shop)) as other:
        other.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        threading.Timer(0.5, stop.set).start()
        with pytest.raises(Cancelled):
            dumped(postgres_source, job_of(stop=stop))


def test_a_locked_table_is_named_with_who_locked_it(
    shop: str, postgres_source: PostgresSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOCK_MS", 200)
    before = clients()
    with contextlib.closing(psycopg.connect(shop, application_name="report")) as other:
        other.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        pid = other.info.backend_pid
        by = rf"process {pid} \(belfry, report\)"
        with pytest.raises(Unavailable, match=f"table public.orders is locked by {by}"):
            dumped(postgres_source)
        left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'belfry'"
        assert column(shop, left) == ["0"]
    assert clients() <= before


def test_who_asks_for_a_table_during_the_count_does_not_keep_pg_dump_waiting(
    shop: str, postgres_source: PostgresSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He waits for us, and a pg_dump that came after him would wait for him."""

    def alter() -> None:
        with psycopg.connect(shop, application_name="alter") as other:
            other.execute("ALTER TABLE orders ADD COLUMN later int")
            other.rollback()

    thread = threading.Thread(target=alter)
    waits = (
        "SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
        "WHERE a.application_name = 'alter' AND NOT l.granted"
    )

    def counted(*given: Any, **more: Any) -> Any:
        if not thread.ident:
            thread.start()
            while not column(shop, waits):
                assert thread.is_alive()
        return contents(*given, **more)

    monkeypatch.setattr(module, "contents", counted)
    monkeypatch.setattr(module, "_LOCK_MS", 2000)
    data, dump = dumped(postgres_source)
    thread.join()
    assert differences(dump.contents, postgres_source.prove(pieces(data), job_of())) == ""


def test_a_proof_as_superuser_is_warned_of(shop: str, postgres: Postgres) -> None:
    """Whoever may define a materialized view has his code run by whoever restores it."""
    execute(postgres.url("postgres"), "CREATE ROLE prover LOGIN CREATEDB PASSWORD 'pr0ves'")
    prover = Secret(changed(postgres.url("postgres"), user="prover", password="pr0ves"))
    try:
        for scratch_url, times in ((None, 1), (prover, 0)):
            job = job_of()
            proved(PostgresSource(Secret(shop), scratch_url=scratch_url), job)
            assert job.log.text().count("as a superuser; set POSTGRES_SCRATCH_URL") == times
    finally:
        execute(postgres.url("postgres"), "DROP ROLE prover")
