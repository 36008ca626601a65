"""What a backup costs, beside what one would type instead.

`--quick` is for a tenth of the size, `--tiny` for a look whether it still works.

PostgreSQL: one table of 1 GB; Belfry's chain (dump, compress, hash, upload; and the proof apart:
read back, decompress, restore, compare) beside `pg_dump -Fc` into a file, the naive way (that
file, then the SDK's `upload_blob`), that upload alone, and what a good engineer would type: a pipe,
`pg_dump -Fc -Z0 | zstd -T2`, whose end the SDK uploads. SQLite: 500 MB; the same beside
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
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg

_REPO = Path(__file__).resolve().parents[1]
_ONE = _REPO / "bench" / "backup" / "one.py"
_MB = 1_000_000
_ROWS = 5_000_000
"""Of the large PostgreSQL table: a dump of 1 GB."""
_SQLITE_ROWS = 2_200_000
_QUICK = 10
_TINY = 500
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
                command = [sys.executable, str(_ONE)]
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
    most = max(one["peak"] for one in rows.values() if "read_back" in one) / _MB
    print(f"  memory: {most:.0f} MB at the most; to be below {_MOST_MEMORY}")


_PIPE = "pg_dump -Fc -Z0 | zstd -T2 | the SDK's upload"
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
        if zstd := shutil.which("zstd"):
            with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
                admin.execute(b"CREATE DATABASE by_hand")
            at = ["-h", "127.0.0.1", "-p", str(server.port), "-U", postgres.USER]
            dump = [str(server.bin / "pg_dump"), "-Fc", "-Z0", *at, "large"]
            back = [str(server.bin / "pg_restore"), *at, "--clean", "--if-exists", "-d", "by_hand"]
            orders[_PIPE] = {
                "way": "pipe",
                "command": [dump, [zstd, "-T2", "-q"]],
                "back": [[zstd, "-dc", "-q"], back],
                "env": plain["env"],
            }
        found = rounds.run(orders)
        table("PostgreSQL", found, ("pg_dump -Fc", "upload alone"))
        print(*_beside_the_pipe(found), sep="\n")


def _beside_the_pipe(rows: dict[str, dict[str, float]]) -> Iterator[str]:
    """How much longer ours takes than the pipe, and how much more memory; the aim is 1 at most."""
    if _PIPE not in rows:
        yield "  beside the pipe: not measured, there is no program zstd here"
        return
    ours, pipe = rows[_CHAIN], rows[_PIPE]
    stored = ours["seconds"] / pipe["seconds"]
    proved = (ours["seconds"] + ours["proof"]) / (pipe["seconds"] + pipe["proof"])
    memory = (ours["peak"] + ours["children"]) / (pipe["peak"] + pipe["children"])
    yield f"  beside the pipe: {stored:.2f} of its time to be stored, {proved:.2f} to be proved"
    yield f"  (it only restores, and compares nothing), {memory:.2f} of its memory; 1 at most"


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
    """Print both tables."""
    from local import azurite

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help=f"a {_QUICK}th of the size")
    parser.add_argument("--rounds", type=int, default=1, help="the median of so many is shown")
    parser.add_argument("--tiny", action="store_true", help="whether it still works, no more")
    arguments, _ = parser.parse_known_args()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it takes minutes
    share = _TINY if arguments.tiny else _QUICK if arguments.quick else 1
    with tempfile.TemporaryDirectory(prefix="belfry-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with azurite.start(folder / "azurite") as storage:
            rounds = Rounds(arguments.rounds, folder, storage.connection_string)
            postgres_bench(rounds, _ROWS // share)
            sqlite_bench(rounds, _SQLITE_ROWS // share)


if __name__ == "__main__":
    main()
