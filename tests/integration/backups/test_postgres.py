"""The PostgreSQL source: proved end to end, beside writers, and every failure by its name."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
import zstandard
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from local import ports
from local import postgres as local_postgres
from local.postgres import Postgres
from shared.backups.postgres import SCRATCH, PostgresSource
from shared.errors import BelfryError, Cancelled, Damaged, Misconfigured, Refused, Unavailable
from shared.settings import Secret
from tests.conftest import scratch
from tests.context import job_of
from tests.integration.backups.conftest import SHOP, scratch_databases
from tests.integration.backups.setup import Meddled, Shelf


def test_a_proved_backup(shelf: Shelf, postgres_source: PostgresSource) -> None:
    manifest = shelf.take(postgres_source)
    assert manifest["verified"] is True
    assert manifest["tables"] == SHOP
    assert manifest["engine_version"].startswith("18.")
    assert manifest["dump_version"].startswith("pg_dump (PostgreSQL) 18.")
    assert manifest["blob"].endswith(".dump.zst")
    assert shelf.blobs() == {manifest["blob"]: "true"}
    assert [item.to_json() for item in shelf.manifests("shop")] == [manifest]


def test_rows_written_during_the_dump_change_nothing(
    shelf: Shelf, postgres_source: PostgresSource, shop: str
) -> None:
    def write() -> None:
        with psycopg.connect(shop) as connection:
            connection.execute("INSERT INTO parts VALUES (4)")
            connection.execute("DELETE FROM orders WHERE id > 29000")

    try:
        manifest = shelf.take(Meddled(postgres_source, in_dump=write))
        assert manifest["verified"] is True
        assert manifest["tables"] == SHOP
    finally:
        with psycopg.connect(shop) as connection:
            connection.execute("DELETE FROM parts WHERE n = 4")
            connection.execute(
                "INSERT INTO orders SELECT n, repeat(md5(n::text), 4) "
                "FROM generate_series(29001, 30000) n"
            )


def test_the_password_is_in_no_argument_log_or_manifest(
    shelf: Shelf,
    postgres_source: PostgresSource,
    postgres: Postgres,
    caplog: pytest.LogCaptureFixture,
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
        manifest = shelf.take(Meddled(postgres_source, in_dump=look, in_restore=look), job)
    assert {"pg_dump", "pg_restore"} <= {Path(line.split(b"\0")[0].decode()).name for line in seen}
    secret = postgres.password
    assert secret.encode() not in b"".join(seen)
    assert secret not in caplog.text + job.log.text() + str(manifest) + repr(postgres_source)


def changed(url: str, **changes: object) -> str:
    """A connection string that differs in those parameters."""
    return make_conninfo(url, **{name: str(value) for name, value in changes.items()})


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
    shelf: Shelf, shop: str, changes: dict[str, str], kind: type[BelfryError], said: str
) -> None:
    with pytest.raises(kind, match=said) as caught:
        shelf.take(PostgresSource(Secret(changed(shop, **changes))))
    assert str(conninfo_to_dict(shop)["password"]) not in str(caught.value)
    assert "wr0ng-s3cret" not in str(caught.value)
    assert shelf.everything() == []


def test_a_server_that_is_down(shelf: Shelf, shop: str) -> None:
    (port,) = ports.free(1)
    with pytest.raises(Unavailable, match=rf"could not be reached at 127\.0\.0\.1:{port}"):
        shelf.take(PostgresSource(Secret(changed(shop, port=port))))
    assert shelf.everything() == []


@pytest.fixture
def reader(shop: str) -> Iterator[str]:
    """The URL for a user who may connect, and nothing else."""
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'reads-0nly'")
        yield changed(shop, user="reader", password="reads-0nly")
        connection.execute("DROP ROLE reader")


def test_a_user_who_may_not_read(shelf: Shelf, reader: str) -> None:
    with pytest.raises(Refused, match="permission denied for"):
        shelf.take(PostgresSource(Secret(reader)))
    assert shelf.everything() == []


def test_a_scratch_server_that_allows_no_new_database(shelf: Shelf, shop: str, reader: str) -> None:
    source = PostgresSource(Secret(shop), scratch_url=Secret(reader))
    with pytest.raises(Refused, match="postgres scratch server: permission denied to create"):
        shelf.take(source)
    assert shelf.everything() == []


def test_a_scratch_server_that_is_down_leaves_nothing(shelf: Shelf, shop: str) -> None:
    (port,) = ports.free(1)
    source = PostgresSource(Secret(shop), scratch_url=Secret(changed(shop, port=port)))
    with pytest.raises(Unavailable, match="postgres scratch server: could not be reached"):
        shelf.take(source)
    assert shelf.everything() == []


def programs(folder: Path, real: Path, name: str, script: str) -> Path:
    """A folder of client programs, one of which does what the script says."""
    folder.mkdir()
    for item in ("pg_dump", "pg_restore"):
        (folder / item).symlink_to(real / item)
    (folder / name).unlink()
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return folder


def test_pg_dump_that_dies_half_way(
    shelf: Shelf, shop: str, postgres: Postgres, tmp_path: Path
) -> None:
    script = 'echo "CREATE TABLE"; echo "pg_dump: error: lost with $PGPASSWORD" >&2; exit 1'
    folder = programs(tmp_path / "bin", postgres.bin, "pg_dump", script)
    with pytest.raises(Unavailable) as caught:
        shelf.take(PostgresSource(Secret(shop), folder=folder))
    assert str(caught.value) == (
        "postgres: pg_dump ended half-way with code 1: pg_dump: error: lost with ***"
    )
    assert shelf.everything() == []


def test_pg_dump_that_is_killed(
    shelf: Shelf, shop: str, postgres: Postgres, tmp_path: Path
) -> None:
    folder = programs(tmp_path / "bin", postgres.bin, "pg_dump", "echo CREATE; kill -9 $$")
    with pytest.raises(Unavailable, match="half-way with signal 9: it said nothing"):
        shelf.take(PostgresSource(Secret(shop), folder=folder))
    assert shelf.everything() == []


def test_pg_dump_that_is_too_old(
    shelf: Shelf, shop: str, postgres: Postgres, tmp_path: Path
) -> None:
    script = 'echo "pg_dump: error: aborting because of server version mismatch" >&2; exit 1'
    folder = programs(tmp_path / "bin", postgres.bin, "pg_dump", script)
    with pytest.raises(Misconfigured, match="older than the server; set POSTGRES_BIN"):
        shelf.take(PostgresSource(Secret(shop), folder=folder))


def test_pg_dump_that_cannot_be_started(
    shelf: Shelf, shop: str, postgres: Postgres, tmp_path: Path
) -> None:
    folder = programs(tmp_path / "bin", postgres.bin, "pg_dump", "")
    (folder / "pg_dump").chmod(0o644)
    with pytest.raises(Misconfigured, match=r"pg_dump cannot be started .* see POSTGRES_BIN"):
        shelf.take(PostgresSource(Secret(shop), folder=folder))


def test_what_was_counted_cannot_be_emptied_before_it_is_dumped(
    shelf: Shelf, postgres: Postgres, tmp_path: Path
) -> None:
    """No snapshot protects from TRUNCATE, which would make a good backup look damaged."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE emptied")
    url = postgres.url("emptied")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE bills AS SELECT 1 AS n")
    truncate = f'PGOPTIONS="-c lock_timeout=100" {postgres.bin}/psql -q -c "TRUNCATE bills"'
    script = f'{truncate}\nexec {postgres.bin}/pg_dump "$@"'
    folder = programs(tmp_path / "bin", postgres.bin, "pg_dump", script)
    manifest = shelf.take(PostgresSource(Secret(url), folder=folder))
    assert manifest["tables"] == {"public.bills": 1}


class Cut(Meddled):
    """Gives its own restore the first part of the dump only."""

    def restore(self, chunks: Iterator[bytes], job: Any) -> Any:
        return super().restore((chunk[:5000] for chunk in itertools.islice(chunks, 1)), job)


def test_a_dump_that_is_not_whole_is_damage_and_kept(
    shelf: Shelf, postgres_source: PostgresSource
) -> None:
    with pytest.raises(Damaged, match="cannot be restored: pg_restore: error: could not read"):
        shelf.take(Cut(postgres_source))
    assert list(shelf.blobs().values()) == ["false"]
    assert [item.verified for item in shelf.manifests("shop")] == [False]


@pytest.fixture
def unsound(postgres: Postgres) -> str:
    """The URL of a database that works, and whose dump cannot be restored: a rule changed after
    the rows that now break it."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE unsound")
    url = postgres.url("unsound")
    with psycopg.connect(url) as connection:
        rule = "FUNCTION good(n int) RETURNS bool IMMUTABLE LANGUAGE sql AS"
        connection.execute(f"CREATE {rule} 'SELECT true'".encode())
        connection.execute("CREATE TABLE fees (n int CHECK (good(n)))")
        connection.execute("INSERT INTO fees VALUES (1)")
        connection.execute(f"CREATE OR REPLACE {rule} 'SELECT false'".encode())
    return url


def test_a_dump_that_cannot_be_restored_is_damage(
    shelf: Shelf, unsound: str, postgres: Postgres
) -> None:
    said = 'cannot be restored: .*COPY failed for table "fees": .*violates check constraint'
    with pytest.raises(Damaged, match=said):
        shelf.take(PostgresSource(Secret(unsound)))
    assert list(shelf.blobs().values()) == ["false"]
    assert scratch_databases(postgres) == []


def test_a_scratch_server_that_ends_the_connection_is_not_damage(
    shelf: Shelf, postgres_source: PostgresSource, postgres: Postgres
) -> None:
    def end_it() -> None:
        query = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE starts_with(datname, %s) AND query LIKE 'COPY%%'"
        )
        deadline = time.monotonic() + 20
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
            while not connection.execute(query, (SCRATCH,)).fetchone():
                assert time.monotonic() < deadline
                time.sleep(0.01)

    with pytest.raises(Unavailable, match="postgres scratch server: pg_restore ended with code 1"):
        shelf.take(Meddled(postgres_source, in_restore=end_it))
    assert shelf.everything() == []


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
        (
            "could not execute query: ERROR:  "
            'unrecognized configuration parameter \\"transaction_timeout\\"',
            Misconfigured,
        ),
    ],
)
def test_a_fault_of_the_scratch_server_is_not_damage(
    shelf: Shelf, shop: str, postgres: Postgres, tmp_path: Path, said: str, kind: type[BelfryError]
) -> None:
    script = f'cat >&-; echo "pg_restore: error: {said}" >&2; exit 1'
    folder = programs(tmp_path / "bin", postgres.bin, "pg_restore", script)
    with pytest.raises(kind) as caught:
        shelf.take(PostgresSource(Secret(shop), folder=folder))
    # Nor is anything still read, although the error holds on to what was under way:
    readers = [thread for thread in threading.enumerate() if "belfry-blocks" in thread.name]
    assert (readers, caught.type) == ([], kind)
    assert shelf.everything() == []
    assert scratch_databases(postgres) == []


def fetched(shelf: Shelf, manifest: Mapping[str, Any], folder: Path) -> Path:
    """The dump of a backup as a file, decompressed."""
    file = folder / "fetched.dump"
    with shelf.open() as container, file.open("wb") as out:
        stored = container.download_blob(manifest["blob"]).readall()
        out.write(zstandard.ZstdDecompressor().decompressobj().decompress(stored))
    return file


def test_owners_and_privileges_are_kept_and_not_needed_to_prove(
    shelf: Shelf, postgres: Postgres, tmp_path: Path
) -> None:
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE owned")
    with psycopg.connect(postgres.url("owned"), autocommit=True) as connection:
        connection.execute("CREATE ROLE clerk")
        connection.execute("CREATE TABLE bills (n int)")
        connection.execute("GRANT SELECT ON bills TO clerk")
        connection.execute("ALTER TABLE bills OWNER TO clerk")
        manifest = shelf.take(PostgresSource(Secret(postgres.url("owned"))))
    file = fetched(shelf, manifest, tmp_path)
    script = subprocess.run(
        [postgres.bin / "pg_restore", "-f", "-", file], capture_output=True, text=True, check=True
    ).stdout
    assert "ALTER TABLE public.bills OWNER TO clerk;" in script


TABLES = 400


@pytest.fixture
def few_locks() -> Iterator[Postgres]:
    """A server with locks for a few hundred tables; one as it comes has them for some thousand."""
    settings = ("max_locks_per_transaction = 10", "max_connections = 15", "fsync = off")
    with scratch() as folder:
        with (
            local_postgres.start(folder) as server,
            psycopg.connect(server.url("postgres"), autocommit=True) as connection,
        ):
            for setting in settings:
                connection.execute(f"ALTER SYSTEM SET {setting}".encode())
        with local_postgres.start(folder) as server:
            yield server


def test_more_tables_than_one_transaction_can_restore(
    shelf: Shelf, few_locks: Postgres, tmp_path: Path
) -> None:
    with psycopg.connect(few_locks.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE many")
        connection.execute("CREATE DATABASE at_once")
    with psycopg.connect(few_locks.url("many"), autocommit=True) as connection:
        for number in range(TABLES):
            connection.execute(f"CREATE TABLE t{number} (n int PRIMARY KEY, note text)".encode())
    manifest = shelf.take(PostgresSource(Secret(few_locks.url("many"))))
    assert len(manifest["tables"]) == TABLES
    # Why not restored in one transaction, which would hold every lock to its end:
    at_once = ["--single-transaction", "-d", few_locks.url("at_once")]
    command = [str(few_locks.bin / "pg_restore"), *at_once]
    file = fetched(shelf, manifest, tmp_path)
    done = subprocess.run([*command, file], capture_output=True, text=True)
    assert "out of shared memory" in done.stderr


def test_scratch_databases_of_killed_runs_are_dropped_and_others_are_not(
    shelf: Shelf, shop: str, postgres: Postgres
) -> None:
    left, used, other = SCRATCH + "0", SCRATCH + "1", "belfry_shop"
    admin = psycopg.connect(shop, autocommit=True, application_name=used)
    with admin:
        for name in (left, used, other):
            admin.execute(f"CREATE DATABASE {name}")
        job = job_of()
        shelf.take(PostgresSource(Secret(shop)), job)
        assert scratch_databases(postgres) == [used]
        assert f"database={left}" in job.log.text()
        admin.execute(f"DROP DATABASE {used}")
        admin.execute(f"DROP DATABASE {other}")


def clients() -> set[str]:
    """The client programs that run now."""
    listed = subprocess.run(["ps", "-eo", "pid,comm"], capture_output=True, text=True)
    return {line for line in listed.stdout.splitlines() if line.endswith(("pg_dump", "pg_restore"))}


@pytest.mark.parametrize("step", ["in_dump", "in_restore"])
def test_a_stopped_job_leaves_nothing(
    shelf: Shelf, postgres_source: PostgresSource, step: str
) -> None:
    stop = threading.Event()
    source = Meddled(postgres_source, **{step: stop.set})  # type: ignore[arg-type]
    before = clients()
    with pytest.raises(Cancelled):
        shelf.take(source, job_of(stop=stop))
    assert clients() <= before
    assert shelf.everything() == []


def test_a_job_that_waits_for_a_locked_table_heeds_being_told_to_stop(
    shelf: Shelf, shop: str, postgres_source: PostgresSource
) -> None:
    stop = threading.Event()
    with contextlib.closing(psycopg.connect(shop)) as other:
        other.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        threading.Timer(0.5, stop.set).start()
        with pytest.raises(Cancelled):
            shelf.take(postgres_source, job_of(stop=stop))
    assert shelf.everything() == []
