"""A SQLite database is replaced, and what was there is never lost: not by a stop or an interrupt at
the last step, nor by a backup of a single page, nor by another restore."""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.backups.source import Target
from shared.backups.sqlite.source import SqliteSource
from shared.clock import ManualClock
from shared.errors import Conflict, Unavailable
from shared.tasks.context import JobContext, JobProgress
from tests.context import job_of

LIVE = Target(name="shop.db", replace="shop.db")


@pytest.fixture(params=["wal", "delete"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The live database, with the table `orders`; a backup of it was taken before."""
    return changed(tmp_path / "live" / "shop.db", f"PRAGMA journal_mode = {request.param}")


@pytest.fixture(autouse=True)
def _live(tmp_path: Path) -> None:
    (tmp_path / "live").mkdir()


def changed(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


def asked(path: Path, query: str) -> Any:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return connection.execute(query).fetchone()[0]


def tables(path: Path) -> str | None:
    """With commas."""
    found: str | None = asked(path, "SELECT group_concat(name) FROM sqlite_master")
    return found


def names(folder: Path) -> set[str]:
    """What is there, but for what belongs to a file in WAL mode."""
    found = {item.name for item in folder.iterdir()}
    return {name for name in found if not name.endswith((".db-wal", ".db-shm"))}


def backup_then_orders(shop: Path) -> bytes:
    """A backup of what is there; a table of orders comes afterwards."""
    with SqliteSource(shop).dump(job_of()) as dump:
        content = b"".join(dump.chunks)
    changed(shop, "CREATE TABLE orders (content)", "INSERT INTO orders VALUES (randomblob(900000))")
    return content


def pets_then_orders(shop: Path) -> bytes:
    changed(shop, "CREATE TABLE pets (photo)", "INSERT INTO pets VALUES (randomblob(5000000))")
    return backup_then_orders(shop)


def restored(shop: Path, content: bytes, job: JobContext | None = None) -> str | None:
    """What was there is kept as that."""
    source = SqliteSource(shop, busy_seconds=0.2)
    return source.restore(iter([content]), LIVE, job or job_of()).kept_as


class StopsBeforeTheLastStep(JobProgress):
    """A person cancels while the last step is being written."""

    def __init__(self, stop: threading.Event) -> None:
        super().__init__()
        self._stop = stop

    def __call__(self, done: float, total: float = 1.0) -> None:
        super().__call__(done, total)
        if done / total > 0.75:
            self._stop.set()


def test_a_stop_during_the_last_step_loses_nothing(shop: Path) -> None:
    content = pets_then_orders(shop)
    stop = threading.Event()
    job = dataclasses.replace(job_of(stop=stop), progress=StopsBeforeTheLastStep(stop))
    kept = restored(shop, content, job)
    assert stop.is_set() and job.progress.done == 1
    assert kept is not None and tables(shop.with_name(kept)) == "pets,orders"
    assert tables(shop) == "pets"


def test_an_interrupt_once_all_is_committed_leaves_what_was_kept(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(sqlite3.Connection):
        def backup(self, target: sqlite3.Connection, **options: Any) -> None:
            super().backup(target, **options)
            if target.execute("PRAGMA database_list").fetchone()[2] == str(shop):
                raise KeyboardInterrupt

    content, job, connect = pets_then_orders(shop), job_of(), sqlite3.connect
    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", lambda *a, **o: connect(*a, **o, factory=Interrupted))
        with pytest.raises(KeyboardInterrupt):
            restored(shop, content, job)
    [kept] = shop.parent.glob("shop-before-*.db")
    assert (tables(kept), tables(shop)) == ("pets,orders", "pets")
    assert kept.name in job.log.text()


def test_a_reader_in_the_way_of_the_last_step_leaves_all_as_it_was(tmp_path: Path) -> None:
    shop = tmp_path / "live" / "shop.db"
    content = pets_then_orders(shop)
    with closing(sqlite3.connect(shop)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM orders").fetchone() == (1,)
        with pytest.raises(Unavailable, match="is locked by another program"):
            restored(shop, content)
    assert (tables(shop), names(shop.parent)) == ("pets,orders", {"shop.db"})


@pytest.mark.parametrize("pages", [300, 1200])
def test_a_disk_that_is_full_at_the_first_or_the_last_step_leaves_all_as_it_was(
    shop: Path, monkeypatch: pytest.MonkeyPatch, pages: int
) -> None:
    connect = sqlite3.connect

    def small(path: Any, **options: Any) -> sqlite3.Connection:
        made: sqlite3.Connection = connect(path, **options)
        if "mode=rw" in str(path):
            made.execute(f"PRAGMA max_page_count = {pages}")
        return made

    content = pets_then_orders(shop)
    changed(shop, "DELETE FROM pets", "VACUUM")
    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", small)
        with pytest.raises(Unavailable, match="is full"):
            restored(shop, content)
    assert (tables(shop), names(shop.parent)) == ("pets,orders", {"shop.db"})


ONE_PAGE = ["PRAGMA user_version = 7", "CREATE VIEW seven AS SELECT 7"]


@pytest.mark.parametrize("statement", [*ONE_PAGE, ""])
def test_a_backup_of_one_page_loses_nothing(shop: Path, statement: str) -> None:
    if not statement:  # no bytes at all
        shop.unlink()
        shop.touch()
    content = backup_then_orders(changed(shop, statement))
    kept = restored(shop, content)
    assert kept is not None and "orders" in (tables(shop.with_name(kept)) or "")
    assert tables(shop) == ("seven" if "VIEW" in statement else None)
    assert asked(shop, "PRAGMA user_version") == (7 if "version" in statement else 0)
    assert names(shop.parent) == {"shop.db", kept}


def test_a_writer_that_gets_in_before_a_backup_of_one_page_loses_nothing(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, connect, times = backup_then_orders(shop), sqlite3.connect, iter([1])

    class Racing(sqlite3.Connection):
        def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
            cursor = super().execute(sql, *rest)
            if sql == "ROLLBACK" and next(times, None):
                with closing(sqlite3.Connection(str(shop))) as other:
                    other.execute("CREATE TABLE late (x)")
            return cursor

    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", lambda *a, **o: connect(*a, **o, factory=Racing))
        kept = restored(shop, content)
    assert kept is not None and tables(shop.with_name(kept)) == "orders,late"
    assert (tables(shop), names(shop.parent)) == (None, {"shop.db", kept})


def test_what_is_left_of_one_page_by_auto_vacuum_is_refused_and_nothing_lost(
    tmp_path: Path,
) -> None:
    vacuum = "PRAGMA auto_vacuum = FULL"
    shop = changed(tmp_path / "live" / "shop.db", vacuum, ONE_PAGE[1])
    content = backup_then_orders(shop)
    with pytest.raises(Conflict, match=r"cannot replace .*shop\.db safely; name a target that"):
        restored(shop, content)
    assert (tables(shop), names(shop.parent)) == ("seven,orders", {"shop.db"})
    made = SqliteSource(shop).restore(iter([content]), Target(), job_of())
    assert tables(shop.with_name(made.name)) == "seven"


def test_two_restores_in_one_second_keep_what_was_there_each(shop: Path) -> None:
    content = pets_then_orders(shop)
    job = job_of(clock=ManualClock(datetime(2026, 11, 20, 3, 0, 5, tzinfo=UTC)))
    first, second = restored(shop, content, job), restored(shop, content, job)
    assert first is not None and second is not None
    assert tables(shop.with_name(first)) == "pets,orders"
    assert tables(shop.with_name(second)) == "pets"
