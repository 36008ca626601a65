"""A SQLite database restored: beside the live one, and into it while others have it open."""

from __future__ import annotations

import errno
import random
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.backups.source import Target
from shared.backups.sqlite.source import SqliteSource
from shared.clock import ManualClock
from shared.errors import Cancelled, Conflict, Damaged, Invalid, Unavailable
from shared.tasks.context import JobContext
from tests.context import job_of

NOW = datetime(2026, 11, 20, 3, 0, 5, tzinfo=UTC)
STAMP = "20261120T030005Z"
LIVE = Target(name="shop.db", replace="shop.db")


def job(stop: threading.Event | None = None) -> JobContext:
    return job_of(clock=ManualClock(NOW), stop=stop)


def fill(path: Path, rows: int, mode: str = "wal", page: int = 4096) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA page_size = {page}")
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("CREATE TABLE pets (id INTEGER PRIMARY KEY, photo)")
        photos = [(random.randbytes(3000),) for _ in range(rows)]
        connection.executemany("INSERT INTO pets (photo) VALUES (?)", photos)
        connection.commit()
    return path


def rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(connection.execute("SELECT count(*) FROM pets").fetchone()[0])


def mode(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


def names(folder: Path) -> set[str]:
    """What is there, but for what belongs to a file in WAL mode."""
    found = {item.name for item in folder.iterdir()}
    return {name for name in found if not name.endswith((".db-wal", ".db-shm"))}


@pytest.fixture(params=["wal", "delete"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The live database, with 900 rows; a backup of it was taken when it had 700."""
    return fill(tmp_path / "live" / "shop.db", 700, request.param)


@pytest.fixture
def source(tmp_path: Path, shop: Path) -> SqliteSource:
    return SqliteSource(shop, temp=tmp_path, busy_seconds=0.2)


@pytest.fixture
def backup(source: SqliteSource, shop: Path) -> bytes:
    with source.dump(job()) as dump:
        content = b"".join(dump.chunks)
    with closing(sqlite3.connect(shop)) as connection:
        connection.executemany("INSERT INTO pets (photo) VALUES (?)", [("new",)] * 200)
        connection.commit()
    return content


@pytest.fixture(autouse=True)
def _live(tmp_path: Path) -> None:
    (tmp_path / "live").mkdir()


def chunks(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), 100_000):
        yield content[start : start + 100_000]


def test_into_a_new_file_beside_the_live_one(
    source: SqliteSource, shop: Path, backup: bytes
) -> None:
    shop.chmod(0o640)
    was = mode(shop)
    made = source.restore(chunks(backup), Target(), job())
    assert re.fullmatch(f"shop-restored-{STAMP}-[0-9a-f]{{4}}.db", made.name)
    assert made.kept_as is None
    assert made.contents.tables == {"pets": 700}
    restored = shop.with_name(made.name)
    assert names(shop.parent) == {"shop.db", made.name}
    assert restored.stat().st_mode & 0o777 == 0o640
    assert (rows(restored), rows(shop), mode(restored)) == (700, 900, was)
    again = source.restore(chunks(backup), Target(), job())
    assert again.name != made.name, "another one in the same second"
    with pytest.raises(Conflict, match="is not empty"):
        source.restore(chunks(backup), Target(name=made.name), job())


def test_when_the_live_file_is_gone(source: SqliteSource, shop: Path, backup: bytes) -> None:
    shop.unlink()
    made = source.restore(chunks(backup), Target(name="shop.db"), job())
    assert (made.name, made.kept_as, rows(shop)) == ("shop.db", None, 700)


@pytest.mark.parametrize("empty", ["bytes", "database"])
def test_into_an_empty_database(
    source: SqliteSource, shop: Path, backup: bytes, empty: str
) -> None:
    other = shop.with_name("other.db")
    was = mode(shop)
    other.touch()
    if empty == "database":
        with closing(sqlite3.connect(other)) as connection:
            connection.executescript("CREATE TABLE x (y); DROP TABLE x")
        assert other.stat().st_size > 0
    made = source.restore(chunks(backup), Target(name="other.db"), job())
    assert (made.name, made.kept_as, rows(other), mode(other)) == ("other.db", None, 700, was)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x.db", "a/b", "a\\b", "/etc/x", "x\0", "x\n", "shop.db-wal", "é" * 101],
)
def test_a_target_that_is_no_plain_name(source: SqliteSource, backup: bytes, name: str) -> None:
    with pytest.raises(Invalid, match="target: give"):
        source.restore(chunks(backup), Target(name=name, replace=name), job())


def test_replace_without_a_target(source: SqliteSource, backup: bytes) -> None:
    with pytest.raises(Invalid, match="give the target as well"):
        source.restore(chunks(backup), Target(replace="shop.db"), job())


@pytest.mark.parametrize("replace", [None, "", "other.db"])
def test_never_over_a_live_database_without_its_name(
    source: SqliteSource, shop: Path, backup: bytes, replace: str | None
) -> None:
    def untouched() -> Iterator[bytes]:
        raise AssertionError("nothing is to be read before that is clear")
        yield b""

    with pytest.raises(
        Conflict, match=r"shop\.db is not empty.*give its name, shop\.db, once more"
    ):
        source.restore(untouched(), Target(name="shop.db", replace=replace), job())
    assert (names(shop.parent), rows(shop)) == ({"shop.db"}, 900)


def test_replaced_while_others_have_it_open(
    source: SqliteSource, shop: Path, backup: bytes
) -> None:
    was = mode(shop)
    with closing(sqlite3.connect(shop, isolation_level=None)) as reader:
        assert reader.execute("SELECT count(*) FROM pets").fetchone() == (900,)
        rows_of = reader.execute("SELECT id FROM pets") if was == "wal" else None
        if rows_of is not None:
            rows_of.fetchone()  # in the middle of reading
        made = source.restore(chunks(backup), LIVE, job())
        if rows_of is not None:
            assert len(rows_of.fetchall()) == 899  # it goes on with what it began to read
        assert reader.execute("SELECT count(*) FROM pets").fetchone() == (700,)
        reader.execute("INSERT INTO pets (photo) VALUES ('after')")
    assert made.name == "shop.db" and made.kept_as is not None
    assert re.fullmatch(f"shop-before-{STAMP}-[0-9a-f]{{4}}.db", made.kept_as)
    assert made.contents.tables == {"pets": 700}
    assert names(shop.parent) == {"shop.db", made.kept_as}
    assert (rows(shop), rows(shop.with_name(made.kept_as)), mode(shop)) == (701, 900, was)


def test_the_live_one_stays_in_its_own_mode(
    source: SqliteSource, shop: Path, backup: bytes
) -> None:
    other = "delete" if mode(shop) == "wal" else "wal"
    with closing(sqlite3.connect(shop)) as connection:
        connection.execute(f"PRAGMA journal_mode = {other}")
    source.restore(chunks(backup), LIVE, job())
    assert (rows(shop), mode(shop)) == (700, other)


class Racing(sqlite3.Connection):
    """A writer gets in, the first time between the keeping and the replacing."""

    shop: Path
    times = 1

    def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
        cursor = super().execute(sql, *rest)
        if sql == "ROLLBACK" and Racing.times > 0:
            Racing.times -= 1
            with closing(sqlite3.Connection(str(Racing.shop))) as other:
                other.execute("INSERT INTO pets (photo) VALUES ('just now')")
                other.commit()
        return cursor


@pytest.mark.parametrize("times", [1, 1000])
def test_a_writer_that_gets_in_between_loses_nothing(
    source: SqliteSource, shop: Path, backup: bytes, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    Racing.shop, Racing.times = shop, times
    connect = sqlite3.connect
    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", lambda *a, **o: connect(*a, **o, factory=Racing))
        if times == 1000:
            with pytest.raises(Unavailable, match="is being written all the time"):
                source.restore(chunks(backup), LIVE, job())
        else:
            made = source.restore(chunks(backup), LIVE, job())
    if times == 1000:
        assert names(shop.parent) == {"shop.db"} and rows(shop) > 900
    else:
        assert (rows(shop), rows(shop.with_name(made.kept_as or ""))) == (700, 901)


def test_a_writer_that_does_not_let_go(source: SqliteSource, shop: Path, backup: bytes) -> None:
    with closing(sqlite3.connect(shop, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            source.restore(chunks(backup), LIVE, job())
    assert (names(shop.parent), rows(shop)) == ({"shop.db"}, 900)


def test_a_damaged_live_database_is_replaced_and_kept_as_it_is(
    source: SqliteSource, shop: Path, backup: bytes
) -> None:
    with closing(sqlite3.connect(shop)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with shop.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 20_000)
    context = job()
    made = source.restore(chunks(backup), LIVE, context)
    assert rows(shop) == 700 and made.kept_as is not None
    assert "what was there before is damaged" in context.log.text()
    assert shop.with_name(made.kept_as).stat().st_size > 1_000_000


@pytest.mark.parametrize("what", ["letter", "folder", "link"])
def test_what_is_no_database_stays(
    source: SqliteSource, shop: Path, backup: bytes, what: str
) -> None:
    other = shop.with_name("other.db")
    if what == "letter":
        other.write_text("Dear all, " * 1000)
    elif what == "folder":
        other.mkdir()
    else:
        other.symlink_to("nowhere")
    with pytest.raises(Conflict, match=r"other\.db (cannot be read|is no file|is a link)"):
        source.restore(chunks(backup), Target(name="other.db", replace="other.db"), job())
    assert names(shop.parent) == {"shop.db", "other.db"}


def test_a_link_out_of_the_folder_is_not_followed(
    source: SqliteSource, shop: Path, backup: bytes, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("PRAGMA user_version = 7")  # it holds nothing that would be in the way
    shop.with_name("link.db").symlink_to(other)
    with pytest.raises(Conflict, match=r"link\.db is a link out of"):
        source.restore(chunks(backup), Target(name="link.db", replace="link.db"), job())
    with closing(sqlite3.connect(other)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_the_live_database_may_be_a_link(shop: Path, backup: bytes, tmp_path: Path) -> None:
    link = tmp_path / "shop.db"
    link.symlink_to(shop)
    made = SqliteSource(link, temp=tmp_path).restore(chunks(backup), LIVE, job())
    assert (rows(shop), rows(tmp_path / (made.kept_as or ""))) == (700, 900)


def test_pages_of_another_size(tmp_path: Path, shop: Path) -> None:
    other = fill(tmp_path / "other.db", 50, "delete", page=1024)
    was = mode(shop)
    source = SqliteSource(shop, temp=tmp_path, busy_seconds=0.2)
    if was == "wal":
        with pytest.raises(Conflict, match="pages of another size"):
            source.restore(chunks(other.read_bytes()), LIVE, job())
        assert (names(shop.parent), rows(shop)) == ({"shop.db"}, 700)
    else:
        source.restore(chunks(other.read_bytes()), LIVE, job())
        assert rows(shop) == 50


def test_a_damaged_backup_touches_nothing(source: SqliteSource, shop: Path, backup: bytes) -> None:
    for content in (b"nonsense" * 1000, backup[: len(backup) // 2]):
        with pytest.raises(Damaged):
            source.restore(chunks(content), LIVE, job())
    assert (names(shop.parent), rows(shop)) == ({"shop.db"}, 900)


def test_a_stream_that_breaks_off_touches_nothing(
    source: SqliteSource, shop: Path, backup: bytes
) -> None:
    def broken() -> Iterator[bytes]:
        yield backup[:100_000]
        raise Unavailable("blob storage", "did not answer")

    with pytest.raises(Unavailable, match="did not answer"):
        source.restore(broken(), LIVE, job())
    assert (names(shop.parent), rows(shop)) == ({"shop.db"}, 900)


class StopsIn(threading.Event):
    """Set when it is asked so many times."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self._left = looks

    def is_set(self) -> bool:
        self._left -= 1
        return self._left < 0


def test_a_job_told_to_stop_at_any_step_leaves_all_or_nothing(
    source: SqliteSource, shop: Path, backup: bytes
) -> None:
    stopped = 0
    for looks in range(0, 1000, 3):
        try:
            source.restore(chunks(backup), LIVE, job(StopsIn(looks)))
            break
        except Cancelled:
            stopped += 1
            assert (names(shop.parent), rows(shop)) == ({"shop.db"}, 900)
    assert stopped > 5 and rows(shop) == 700


def test_no_room_beside_the_live_one(
    source: SqliteSource, shop: Path, backup: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> Iterator[bytes]:
        yield backup[:100_000]
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(Unavailable, match=f"folder {shop.parent}: is full"):
        source.restore(full(), LIVE, job())
    connect = sqlite3.connect

    def small(path: Any, **options: Any) -> sqlite3.Connection:
        made: sqlite3.Connection = connect(path, **options)
        if "mode=rw" in str(path) or str(path).endswith("before.sqlite"):
            made.execute("PRAGMA max_page_count = 10")
        return made

    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", small)
        with pytest.raises(Unavailable, match=f"folder {shop.parent}: is full"):
            source.restore(chunks(backup), LIVE, job())
    assert (names(shop.parent), rows(shop)) == ({"shop.db"}, 900)


def test_a_disk_that_takes_no_more(
    source: SqliteSource, shop: Path, backup: bytes, tmp_path: Path
) -> None:
    """A process whose files may have 1 MB: the kernel refuses what is more."""
    file = tmp_path / "backup.sqlite"
    file.write_bytes(backup)
    script = f"""
import resource
from pathlib import Path
from shared.backups.source import Target
from shared.backups.sqlite.source import SqliteSource
from shared.errors import Unavailable
from tests.context import job_of

resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
content = Path({str(file)!r}).read_bytes()
for target in (Target(), Target(name="shop.db", replace="shop.db")):
    try:
        SqliteSource(Path({str(shop)!r})).restore(iter([content]), target, job_of())
    except Unavailable as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    said = f"folder {shop.parent}: is full; a copy of the database needs it\n"
    assert done.stdout == 2 * said
    assert (names(shop.parent), rows(shop)) == ({"shop.db"}, 900)


def test_a_process_killed_in_the_middle_of_replacing(
    source: SqliteSource, shop: Path, backup: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "backup.sqlite"
    file.write_bytes(backup)
    script = f"""
import os, signal
from pathlib import Path
from shared.backups.sqlite import restore as sqlite_restore
from shared.backups.source import Target
from shared.backups.sqlite.source import SqliteSource
from shared.tasks.context import JobProgress
from tests.context import job_of

class Killed(JobProgress):
    def __call__(self, done, total=1.0):
        if done > total / 2:
            os.kill(os.getpid(), signal.SIGKILL)

sqlite_restore._STEP, sqlite_restore._CACHE = 40_000, 100
job = job_of()
object.__setattr__(job, "progress", Killed())
content = Path({str(file)!r}).read_bytes()
target = Target(name="shop.db", replace="shop.db")
SqliteSource(Path({str(shop)!r})).restore(iter([content]), target, job)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == -9, done.stderr.decode()
    kept = next(iter(shop.parent.glob("shop-before-*.db")))
    assert (rows(shop), rows(kept)) == (900, 900)
    source.restore(chunks(backup), LIVE, job())
    assert rows(shop) == 700
    assert not list(shop.parent.glob("belfry-*"))
