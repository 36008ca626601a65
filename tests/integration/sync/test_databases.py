"""A PostgreSQL table to files."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import resource
import socket
import struct
import threading
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest
from azure.storage.blob import ContainerClient

from shared.errors import Cancelled, Invalid, Refused
from shared.resources.targets import TargetKind
from shared.sync.plan import SyncPlan
from tests.integration.sync.conftest import Sides
from tests.integration.sync.test_containers import content

COPY: dict[str, Any] = {"source_id": "d", "destination_id": "b", "table": "orders"}
Database = psycopg.Connection[Any]


def manifests(side: ContainerClient) -> list[dict[str, Any]]:
    """In the order of their runs, each held against its parts."""
    found = [
        json.loads(data) for name, data in content(side).items() if name.endswith("manifest.json")
    ]
    for one in found:
        for part in one["parts"]:
            data = side.download_blob(part["name"]).readall()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (part["bytes"], part["sha256"])
    return sorted(found, key=lambda one: one["due_at"])


def rows(side: ContainerClient, manifest: dict[str, Any]) -> list[list[str]]:
    found: list[list[str]] = []
    for part in manifest["parts"]:
        text = side.download_blob(part["name"]).readall().decode()
        found += list(csv.reader(io.StringIO(text, newline="")))[1:]
    return found


def test_csv_is_typed_and_safe(database: Database, sides: Sides) -> None:
    database.execute(
        "CREATE TABLE orders (id int PRIMARY KEY, name text, price numeric(10,2), at timestamptz,"
        ' "odd ""col" text)'
    )
    database.execute(
        "INSERT INTO orders VALUES (-1, '=1+1', -5.00, '2026-01-02 03:04:05+02', 'a,\"b\"'),"
        "(2, '', NULL, NULL, NULL), (3, E' \\t@x', 'NaN', 'infinity', E'two\\nlines')"
    )
    done = sides.world.run(1, verify="read_back", **COPY)
    assert (done["copied"], done["files"]) == (3, 1)
    copy = sides.blobs[1]
    (manifest,) = manifests(copy)
    assert done["manifest"] == "orders/20300101T030000Z/manifest.json"
    assert copy.download_blob(manifest["parts"][0]["name"]).readall() == (
        b'"id","name","price","at","odd ""col"\r\n'
        b'-1,"\'=1+1",-5.00,2026-01-02 01:04:05+00,"a,""b"""\r\n'
        b'2,"",,,\r\n'
        b'3,"\' \t@x",NaN,infinity,"two\nlines"\r\n'
    )
    assert [one["type"] for one in manifest["columns"]][2:4] == [
        "numeric(10,2)",
        "timestamp with time zone",
    ]
    sides.world.run(2, formulas="keep", columns=["name"], **COPY)
    last = manifests(copy)[-1]
    assert copy.download_blob(last["parts"][0]["name"]).readall().startswith(b'"name"\r\n"=1+1"')
    assert sides.world.run(3, dry_run=True, **COPY)["copied"] == 3
    assert len(manifests(copy)) == 2


def test_parts_are_in_order_and_read_back_as_parquet(database: Database, sides: Sides) -> None:
    database.execute(
        "CREATE TABLE orders (region text, id int8, price numeric(10,2), ok bool, raw bytea,"
        " day date, at timestamptz, free numeric, tags text[], PRIMARY KEY (region, id))"
    )
    database.execute(
        "INSERT INTO orders SELECT 'r' || n % 3, n, n / 100.0, n % 2 = 0, decode('00ff', 'hex'),"
        " '2026-01-01'::date + n, '2026-01-01+00'::timestamptz + n * interval '1 s', n, ARRAY['a']"
        " FROM generate_series(1, 25) n"
    )
    done = sides.world.run(1, format="parquet", part_rows=10, verify="read_back", **COPY)
    assert (done["copied"], done["files"]) == (25, 3)
    (manifest,) = manifests(sides.blobs[1])
    found: list[dict[str, Any]] = []
    for part in manifest["parts"]:
        data = sides.blobs[1].download_blob(part["name"]).readall()
        found += pq.read_table(io.BytesIO(data)).to_pylist()
    wanted = database.execute(
        "SELECT region, id, price, ok, raw, day, at, free::text, tags::text FROM orders"
        " ORDER BY region, id"
    ).fetchall()
    assert [tuple(row.values()) for row in found] == wanted


def test_a_watermark_takes_each_row_once_with_ties_and_late_commits(
    database: Database, sides: Sides
) -> None:
    database.execute("CREATE TABLE orders (id int PRIMARY KEY, v text, at timestamptz NOT NULL)")
    marked = COPY | {"mode": "watermark", "watermark": "at", "overlap": 3600, "part_rows": 2}

    def add(number: int, at: str, value: str = "") -> None:
        database.execute(
            "INSERT INTO orders VALUES (%s, %s, %s) ON CONFLICT (id) DO UPDATE SET v = %s, at = %s",
            (number, value, at, value, at),
        )

    copy = sides.blobs[1]
    for number in range(5):
        add(number, "2026-01-01 12:00+00")
    assert sides.world.run(1, **marked)["copied"] == 5
    assert sides.world.run(2, **marked)["copied"] == 0
    assert len(manifests(copy)) == 1
    add(5, "2026-01-01 12:00+00")  # a tie
    add(6, "2026-01-01 11:30+00")  # committed late
    add(7, "2026-01-01 10:30+00")  # too late
    add(1, "2026-01-01 12:00+00", "changed, with the same watermark")
    third = sides.world.run(3, **marked)
    assert (third["copied"], third["same"]) == (3, 4)
    assert sorted(row[0] for row in rows(copy, manifests(copy)[-1])) == ["1", "5", "6"]
    add(8, "2026-01-02 12:00+00")
    assert sides.world.run(4, **marked)["copied"] == 1
    assert sides.world.run(5, **marked)["copied"] == 0
    total = [row[0] for one in manifests(copy) for row in rows(copy, one)]
    assert sorted(total) == sorted(["0", "1", "2", "3", "4", "1", "5", "6", "8"])


def test_appended_rows_by_their_key(database: Database, sides: Sides) -> None:
    database.execute("CREATE TABLE orders (id bigserial PRIMARY KEY, v text)")
    database.execute("INSERT INTO orders (v) SELECT 'x' FROM generate_series(1, 12)")
    appended = COPY | {"mode": "key", "part_rows": 3}
    assert sides.world.run(1, **appended)["files"] == 4
    assert [row[0] for row in rows(sides.blobs[1], manifests(sides.blobs[1])[0])] == [
        str(number) for number in range(1, 13)
    ]
    database.execute("INSERT INTO orders (v) SELECT 'y' FROM generate_series(1, 2)")
    assert sides.world.run(2, **appended)["copied"] == 2
    assert sides.world.run(3, **appended)["copied"] == 0


def test_what_cannot_be_read_in_order_is_refused(
    database: Database, sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.execute("CREATE TABLE orders (id int, v int)")
    database.execute("CREATE TABLE texts (id text PRIMARY KEY, free numeric(5,2))")
    database.execute("INSERT INTO orders VALUES (1, 1), (1, 2), (NULL, 3)")
    database.execute("INSERT INTO texts VALUES ('a', 'NaN')")
    for plan, said in (
        ({}, "key: orders has no primary key"),
        ({"key": ["id"]}, "key: two rows of orders have the same one"),
        ({"key": ["v", "id"]}, "has NULL in a row"),
        ({"key": ["x"]}, "key: orders has no column x"),
        ({"table": "nothing"}, "there is no table or view nothing"),
        ({"table": "pg_catalog.pg_authid; DROP"}, "there is no table or view"),
        ({"table": "texts", "format": "parquet"}, "a value has no place in its column"),
        (
            {"table": "texts", "mode": "watermark", "watermark": "id"},
            "watermark: id is text; use an instant or a number",
        ),
    ):
        with pytest.raises(Refused, match=said.split(";")[0]):
            sides.world.run(1, **COPY | plan)
        sides.world.prefix += "x"
    monkeypatch.setattr("shared.parquet.is_installed", lambda: False)
    with pytest.raises(Invalid, match="format: Parquet needs pyarrow"):
        sides.world.service.check(SyncPlan(**COPY, format="parquet"), None)


def test_a_file_of_somebody_else_is_not_overwritten(database: Database, sides: Sides) -> None:
    database.execute("CREATE TABLE orders (id int PRIMARY KEY)")
    database.execute("INSERT INTO orders VALUES (1)")
    name = "orders/20300101T030000Z/part-00001.csv"
    sides.blobs[1].upload_blob(name, b"theirs")
    with pytest.raises(Refused, match="is there already, and this sync did not write it"):
        sides.world.run(1, **COPY)
    assert content(sides.blobs[1]) == {name: b"theirs"}


class Hostile:
    """A server that speaks as much of PostgreSQL's protocol as it takes to be asked something; and
    then says nothing, or sends a row that does not end."""

    def __init__(self, *, floods: bool) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._floods = floods
        self.asked = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        port = self._server.getsockname()[1]
        return f"postgresql://u:p@127.0.0.1:{port}/d?sslmode=disable&gssencmode=disable"

    def _serve(self) -> None:
        with self._server, self._server.accept()[0] as sock, contextlib.suppress(OSError):
            sock.recv(4096)
            version = b"server_version\x0016\x00"
            sock.sendall(b"R" + struct.pack("!II", 8, 0))
            sock.sendall(b"S" + struct.pack("!I", 4 + len(version)) + version)
            sock.sendall(b"Z" + struct.pack("!I", 5) + b"I")
            sock.recv(4096)
            self.asked.set()
            if self._floods:
                sock.sendall(b"T" + struct.pack("!I", 1_000_000_000))
                while True:
                    sock.sendall(b"x" * 1_000_000)
            while sock.recv(4096):
                pass


def test_a_server_that_never_answers_holds_no_thread(sides: Sides) -> None:
    """Nor the other jobs of the process: it is left as soon as the job is told to stop."""
    server = Hostile(floods=False)
    sides.world.place("d", TargetKind.SQL, server.url)
    job = sides.world.job()

    def stop() -> None:
        server.asked.wait()
        job.stop.set()

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(Cancelled):
        sides.world.service.sync(SyncPlan(**COPY), job)


def test_a_row_that_does_not_end_takes_no_memory(sides: Sides) -> None:
    sides.world.place("d", TargetKind.SQL, Hostile(floods=True).url)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Refused, match="more than 64 MiB at once"):
        sides.world.run(**COPY)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # KB


def test_large_rows_are_fetched_a_few_at_a_time(database: Database, sides: Sides) -> None:
    """200 rows of a megabyte are more than may come at once."""
    database.execute("CREATE TABLE orders (id int PRIMARY KEY, name text)")
    database.execute(
        "INSERT INTO orders SELECT n, repeat(md5(n::text), 31250) FROM generate_series(1, 120) n"
    )
    assert sides.world.run(1, **COPY)["copied"] == 120
