"""What a backup costs, beside what one would type instead; `--quick` for small sizes.

PostgreSQL: one table of 1 GB; Belfry's chain (dump, compress, hash, upload; and the proof apart:
read back, decompress, restore, compare) beside `pg_dump -Fc` into a file, the naive way (that
file, then the SDK's `upload_blob`), and that upload alone. SQLite: 500 MB; the same beside
`sqlite3 .backup`. Storage is Azurite, on the same machine and its two cores.

Each measurement is a fresh process. Its peak memory is shown, with the interpreter and the SDKs in
it, and that of the programs it started apart. MB/s are of what is backed up, not of what is stored.
Run from the root: `python bench/backups.py`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil  # type: ignore[import-untyped]
import psycopg

_REPO = Path(__file__).resolve().parents[1]
_CONTAINER = "bench"
_MB = 1_000_000
_ROWS = 5_000_000
"""Of the large PostgreSQL table: a dump of 1 GB."""
_SQLITE_ROWS = 2_200_000
_QUICK = 10
_TARGET = 0.9
_MOST_MEMORY = 200

_TABLE = "CREATE TABLE events (id integer PRIMARY KEY, at timestamp, kind text, note text)"
_ROW = (
    "SELECT n, timestamp '2026-01-01' + n * interval '1 s', 'kind ' || n % 7, "
    "(SELECT string_agg(md5(n || '-' || i), '') FROM generate_series(1, 4) i) || "
    "repeat('.', n % 64) FROM generate_series(1, {rows}) n"
)
_SQLITE_ROW = (
    "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {rows}) "
    "SELECT n, datetime(1767225600 + n, 'unixepoch'), 'kind ' || n % 7, "
    "hex(randomblob(64)) || substr(hex(zeroblob(32)), 1, n % 64) FROM s"
)


def build_sqlite(path: Path, rows: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(_TABLE)
        connection.execute("INSERT INTO events " + _SQLITE_ROW.format(rows=rows))
        connection.execute("CREATE INDEX events_at ON events (at)")
        connection.commit()


def build_postgres(url: str, server: str, rows: int) -> None:
    name = url.rpartition("/")[2]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_TABLE)
        connection.execute(("INSERT INTO events " + _ROW.format(rows=rows)).encode())
        connection.execute("CREATE INDEX events_at ON events (at)")
        connection.execute("VACUUM ANALYZE events")


# One measurement, in a process of its own.


def act(order: dict[str, Any]) -> dict[str, float]:
    """Do what the order says; the figures."""
    ways: dict[str, Callable[[dict[str, Any]], dict[str, float]]] = {
        "belfry": belfry,
        "file": to_file,
        "naive": naive,
        "upload": upload_alone,
    }
    with _children() as peaks:
        figures = ways[order["way"]](order)
    return figures | {"peak": peak_of("self"), "children": sum(peaks.values())}


def belfry(order: dict[str, Any]) -> dict[str, float]:
    """The chain: source, codec, stream; then the proof."""
    import pyrage

    from shared.backups import stream
    from shared.backups.codec import Codec
    from shared.backups.model import differences
    from shared.backups.seal import Seal
    from shared.backups.source import Source
    from shared.settings import Secret
    from tests.context import job_of

    def source() -> Source:
        from shared.backups.postgres import PostgresSource
        from shared.backups.sqlite import SqliteSource

        if order["engine"] == "sqlite":
            return SqliteSource(Path(order["place"]), temp=Path(order["folder"]))
        return PostgresSource(Secret(order["place"]), folder=Path(order["bin"]))

    job, key = job_of(), Secret(str(pyrage.x25519.Identity.generate()))
    codec = Codec(order["compression"], Seal(key) if order["encrypt"] else None)
    with _container(order["storage"]) as container:
        blob = container.get_blob_client(uuid.uuid4().hex)
        began = time.perf_counter()
        with source().dump(job) as dump:
            encoded = codec.encode(dump.chunks, job.check)
            said = {"backup_id": blob.blob_name}
            stored = stream.upload(blob, iter(encoded), lambda _: said, job.check)
        seconds, uploaded = time.perf_counter() - began, peak_of("self")
        began = time.perf_counter()
        etag = stream.read_back(blob, stored.bytes, stored.sha256, job.check)
        read = time.perf_counter() - began
        with (
            closing(stream.pieces(blob, etag, stored.bytes, job.check)) as pieces,
            closing(codec.decode(pieces, job.check)) as chunks,
        ):
            assert not differences(dump.contents, source().prove(chunks, job))
        proof = time.perf_counter() - began
        blob.delete_blob()
    return {
        "seconds": seconds,
        "size": encoded.taken,
        "stored": stored.bytes,
        "uploaded_peak": uploaded,
        "read_back": read,
        "proof": proof,
    }


def to_file(order: dict[str, Any]) -> dict[str, float]:
    """A program that writes a file."""
    began = time.perf_counter()
    subprocess.run(order["command"], check=True, env=order["env"])
    return {
        "seconds": time.perf_counter() - began,
        "stored": Path(order["file"]).stat().st_size,
    }


def upload_alone(order: dict[str, Any]) -> dict[str, float]:
    """That file, by the SDK's `upload_blob`."""
    with _container(order["storage"]) as container:
        blob = container.get_blob_client(uuid.uuid4().hex)
        began = time.perf_counter()
        with Path(order["file"]).open("rb") as file:
            blob.upload_blob(file)
        seconds = time.perf_counter() - began
        blob.delete_blob()
    return {"seconds": seconds, "stored": Path(order["file"]).stat().st_size}


def naive(order: dict[str, Any]) -> dict[str, float]:
    """Both, one after the other."""
    first, second = to_file(order), upload_alone(order)
    return second | {"seconds": first["seconds"] + second["seconds"]}


@contextmanager
def _container(storage: str) -> Iterator[Any]:
    from azure.core.exceptions import ResourceExistsError

    from shared.settings import Secret, StorageAccount
    from shared.storage.connect import Connection

    account = StorageAccount(connection_string=Secret(storage))
    with Connection(account).container(_CONTAINER) as container:
        with suppress(ResourceExistsError):
            container.create_container()
        yield container


def peak_of(process: int | str) -> int:
    """Bytes at the most so far. Not `ru_maxrss`: that begins with what the parent had."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(found[0]) * 1024 if found else 0


@contextmanager
def _children() -> Iterator[dict[int, int]]:
    """The peak of each program that this process starts."""
    peaks: dict[int, int] = {}
    over = threading.Event()

    def look() -> None:
        here = psutil.Process()
        while not over.wait(0.05):
            for child in here.children(recursive=True):
                peaks[child.pid] = max(peaks.get(child.pid, 0), peak_of(child.pid))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield peaks
    finally:
        over.set()
        watcher.join()


# All of them, side by side.


@dataclass(frozen=True)
class Rounds:
    """Interleaved measurements; the median of each."""

    count: int
    folder: Path
    storage: str

    def run(self, orders: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
        got: dict[str, list[dict[str, float]]] = {name: [] for name in orders}
        common = {"storage": self.storage, "folder": str(self.folder), "env": {}}
        for _ in range(self.count):
            for name, order in orders.items():
                text = json.dumps(common | order)
                command = [sys.executable, __file__, "--one"]
                done = subprocess.run(
                    command, input=text.encode(), stdout=subprocess.PIPE, cwd=_REPO, check=True
                )
                got[name].append(json.loads(done.stdout))
        return {
            name: {word: statistics.median(one[word] for one in many) for word in many[0]}
            for name, many in got.items()
        }


def shown(label: str, seconds: float, size: float, one: dict[str, float], peak: float) -> None:
    speed, stored, ratio = size / seconds / _MB, one["stored"] / _MB, size / one["stored"]
    print(
        f"  {label:46} {seconds:7.2f} s {speed:7.1f} MB/s {stored:8.1f} MB {ratio:5.2f}"
        f" {peak / _MB:6.0f} MB {one['children'] / _MB:6.0f} MB"
    )


def table(title: str, rows: dict[str, dict[str, float]], slower_of: tuple[str, str]) -> None:
    """The table, then what is to be shown: throughput and memory."""
    ours = rows[_CHAIN]
    size = ours["size"]
    print(f"{title}, {size / _MB:.0f} MB")
    print(
        f"  {'':46} {'time':>9} {'speed':>12} {'stored':>11} {'ratio':>5} {'peak':>9} {'others':>9}"
    )
    for name, one in rows.items():
        shown(name, one["seconds"], size, one, one.get("uploaded_peak", one["peak"]))
    shown("Belfry: read back", ours["read_back"], size, ours | {"children": 0}, ours["peak"])
    shown("Belfry: proof (read back, restore, compare)", ours["proof"], size, ours, ours["peak"])
    slower = max(rows[name]["seconds"] for name in slower_of)
    print(
        f"  speed: {slower / ours['seconds']:.2f} of the slower of ({', '.join(slower_of)})"
        + (f"; to be {_TARGET} at least" if "pg_dump -Fc" in slower_of else "")
    )
    most = max(one["peak"] for one in rows.values() if "proof" in one) / _MB
    print(f"  memory: {most:.0f} MB at the most; to be below {_MOST_MEMORY}")


_CHAIN = "Belfry: dump, zstd, SHA-256, upload"


def _ours(**more: str) -> dict[str, dict[str, Any]]:
    common = {"way": "belfry", "compression": "zstd", "encrypt": False} | more
    return {_CHAIN: common, "Belfry: the same, encrypted (age)": common | {"encrypt": True}}


def postgres_bench(rounds: Rounds, rows: int) -> None:
    from local import postgres

    with postgres.start(rounds.folder / "postgres") as server:
        build_postgres(server.url("large"), server.url("postgres"), rows)
        file = str(rounds.folder / "by-hand.dump")
        command = [str(server.bin / "pg_dump"), "-Fc", "-h", "127.0.0.1", "-p", str(server.port)]
        command += ["-U", postgres.USER, "-f", file, "large"]
        plain = {"file": file, "env": {"PGPASSWORD": server.password}}
        orders: dict[str, dict[str, Any]] = {
            "pg_dump -Fc": plain | {"way": "file", "command": command},
            "upload alone": plain | {"way": "upload"},
            "naive: pg_dump -Fc, then upload": plain | {"way": "naive", "command": command},
            **_ours(engine="postgresql", place=server.url("large"), bin=str(server.bin)),
            "(pg_dump -Fc --compress=0)": plain
            | {"way": "file", "command": [*command[:2], "--compress=0", *command[2:]]},
        }
        table("PostgreSQL", rounds.run(orders), ("pg_dump -Fc", "upload alone"))


_BY_PYTHON = """
import sqlite3, sys
source, target = sqlite3.connect(sys.argv[1]), sqlite3.connect(sys.argv[2])
source.backup(target)
"""


def sqlite_bench(rounds: Rounds, rows: int) -> None:
    large, file = rounds.folder / "large.db", str(rounds.folder / "by-hand.db")
    build_sqlite(large, rows)
    program = shutil.which("sqlite3")
    name = "sqlite3 .backup" if program else "Python's sqlite3 backup()"
    command = [sys.executable, "-c", _BY_PYTHON, str(large), file]
    if program:
        command = [program, str(large), f".backup '{file}'"]
    plain = {"file": file}
    orders: dict[str, dict[str, Any]] = {
        name: plain | {"way": "file", "command": command},
        "upload alone": plain | {"way": "upload"},
        f"naive: {name}, then upload": plain | {"way": "naive", "command": command},
        **_ours(engine="sqlite", place=str(large)),
    }
    table("SQLite", rounds.run(orders), (name, "upload alone"))


def main() -> None:
    """Print both tables, or do one measurement."""
    from local import azurite

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help=f"a {_QUICK}th of the size")
    parser.add_argument("--rounds", type=int, default=1, help="the median of so many is shown")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments, _ = parser.parse_known_args()
    if arguments.one:
        print(json.dumps(act(json.load(sys.stdin))))
        return
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it takes minutes
    share = _QUICK if arguments.quick else 1
    with tempfile.TemporaryDirectory(prefix="belfry-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with azurite.start(folder / "azurite") as storage:
            rounds = Rounds(arguments.rounds, folder, storage.connection_string)
            postgres_bench(rounds, _ROWS // share)
            sqlite_bench(rounds, _SQLITE_ROWS // share)


if __name__ == "__main__":
    main()
