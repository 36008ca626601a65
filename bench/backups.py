"""What a proved backup costs, beside what one would type instead.

PostgreSQL: `pg_dump -Fc` into a file. SQLite: the online backup into a file, gzipped. Neither is
hashed, stored elsewhere, read back or restored. Each backup runs in a fresh process, whose start
is not counted and whose peak memory is taken; that of a database half as large shows whether it
grows. Medians of interleaved runs. Run from the root: `python bench/backups.py`.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg

RUNS = 3
ROWS = 250_000
SMALLER = 2
_REPO = Path(__file__).resolve().parents[1]
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
    with psycopg.connect(url) as connection:
        connection.execute(_TABLE)
        connection.execute(("INSERT INTO events " + _ROW.format(rows=rows)).encode())
        connection.execute("CREATE INDEX events_at ON events (at)")


def take(connection_string: str, source: str, place: str) -> None:
    """One backup, in this process; its figures to standard output."""
    import logging
    import threading

    from shared.backups.service import Backups, sources_from
    from shared.clock import SystemClock
    from shared.log import JobLog
    from shared.settings import from_env
    from shared.storage.connect import Connection
    from shared.tasks.context import JobContext

    name = "DATABASE_PATH" if source == "database" else "POSTGRES_URL"
    settings = from_env({"AzureWebJobsStorage": connection_string, name: place})
    account = Connection(settings.backup_storage)
    backups = Backups(lambda: account.container("bench"), sources_from(settings))
    job = JobContext(
        job_id="bench",
        schedule_id="bench",
        due_at=SystemClock().now(),
        attempt=1,
        clock=SystemClock(),
        log=JobLog(logging.getLogger("bench"), {}, str),
        backups=backups,
        stop=threading.Event(),
    )
    manifest = backups.take(source, job)
    words = ("duration_seconds", "verify_seconds", "bytes", "uncompressed_bytes")
    print(json.dumps({"peak": peak_of("self")} | {word: manifest[word] for word in words}))


def peak_of(process: int | str) -> int:
    """KiB at the most so far. Not `ru_maxrss`: that begins with what the parent had."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(found[0]) if found else 0


def run(*arguments: str, env: dict[str, str] | None = None) -> tuple[float, int, str]:
    """Seconds, peak memory in KiB and output of a program."""
    begin, peak = time.perf_counter(), 0
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, cwd=_REPO, env=env) as process:
        assert process.stdout is not None
        while process.poll() is None:
            peak = max(peak, peak_of(process.pid))
            time.sleep(0.01)
        said = process.stdout.read()
    assert process.returncode == 0, arguments
    return time.perf_counter() - begin, peak, said.decode()


def belfry(storage: str, source: str, place: str) -> dict[str, float]:
    *_, said = run(sys.executable, __file__, storage, source, place)
    return dict(json.loads(said))


def shown(label: str, seconds: float, base: float, size: float, peak: float) -> None:
    print(
        f"  {label:34} {seconds:6.2f} s  {seconds / base:5.2f}"
        f"   {size / 1e6:6.1f} MB   {peak / 1024:5.0f} MB"
    )


def compare(title: str, plain: list[tuple[float, int, int]], ours: list[dict[str, float]]) -> None:
    """A table: what one would type, ours, and ours with its proof."""
    base, peak, size = (statistics.median(run[n] for run in plain) for n in range(3))
    mid = {word: statistics.median(run[word] for run in ours) for word in ours[0]}
    print(f"{title}, dump of {mid['uncompressed_bytes'] / 1e6:.0f} MB")
    print(f"  {'':34} {'time':>8}  {'ratio':>5}   {'stored':>9}   {'peak':>8}")
    shown("into a file, unproved", base, base, size, peak)
    shown("Belfry: in Blob Storage", mid["duration_seconds"], base, mid["bytes"], mid["peak"])
    whole = mid["duration_seconds"] + mid["verify_seconds"]
    shown("Belfry: and proved", whole, base, mid["bytes"], mid["peak"])


def growth(small: dict[str, float], large: dict[str, float]) -> None:
    by = large["uncompressed_bytes"] / small["uncompressed_bytes"]
    grew = (large["peak"] - small["peak"]) / 1024
    print(f"  memory at {by:.1f} times the size: {grew:+.0f} MB of {large['peak'] / 1024:.0f}")


def postgres_bench(folder: Path, storage: str) -> None:
    from local import postgres

    with postgres.start(folder / "postgres") as server:
        for name, rows in (("large", ROWS), ("small", ROWS // SMALLER)):
            build_postgres(server.url(name), server.url("postgres"), rows)
        out = folder / "by-hand.dump"
        command = [str(server.bin / "pg_dump"), "-Fc", "-h", "127.0.0.1", "-p", str(server.port)]
        command += ["-U", postgres.USER, "-f", str(out), "large"]
        plain, ours = [], []
        for _ in range(RUNS):
            seconds, peak, _ = run(*command, env={"PGPASSWORD": server.password})
            plain.append((seconds, peak, out.stat().st_size))
            ours.append(belfry(storage, "postgres", server.url("large")))
        compare("PostgreSQL against pg_dump -Fc", plain, ours)
        growth(belfry(storage, "postgres", server.url("small")), ours[-1])


_BY_HAND = """
import gzip, shutil, sqlite3, sys
source, target = sqlite3.connect(sys.argv[1]), sqlite3.connect(sys.argv[2])
source.backup(target)
target.close()
with open(sys.argv[2], "rb") as copy, gzip.open(sys.argv[2] + ".gz", "wb", 6) as out:
    shutil.copyfileobj(copy, out, 1 << 20)
"""


def sqlite_bench(folder: Path, storage: str) -> None:
    large, small, out = folder / "large.db", folder / "small.db", folder / "by-hand.db"
    build_sqlite(large, ROWS)
    build_sqlite(small, ROWS // SMALLER)
    plain, ours = [], []
    for _ in range(RUNS):
        seconds, peak, _ = run(sys.executable, "-c", _BY_HAND, str(large), str(out))
        plain.append((seconds, peak, out.with_name(out.name + ".gz").stat().st_size))
        ours.append(belfry(storage, "database", str(large)))
    compare("SQLite against its backup, gzipped", plain, ours)
    growth(belfry(storage, "database", str(small)), ours[-1])


def main() -> None:
    """Print both tables."""
    from local import azurite

    with tempfile.TemporaryDirectory(prefix="belfry-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with azurite.start(folder / "azurite") as storage:
            postgres_bench(folder, storage.connection_string)
            sqlite_bench(folder, storage.connection_string)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        take(*sys.argv[1:])
    else:
        main()
