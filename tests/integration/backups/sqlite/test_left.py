"""What a killed restore of SQLite left beside the source goes; what is in use stays."""

from __future__ import annotations

import errno
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.backups.source import Target
from shared.backups.sqlite import source as sqlite
from shared.backups.sqlite.source import SqliteSource
from shared.tasks.context import JobContext
from tests.context import job_of

KILLED = """
import os, signal
from pathlib import Path
from shared.backups.source import Target
from shared.backups.sqlite.source import SqliteSource
from shared.tasks.context import JobContext
from tests.context import job_of

def killed():
    yield b"SQLite"
    os.kill(os.getpid(), signal.SIGKILL)

SqliteSource(Path({shop!r})).restore(killed(), Target(), job_of())
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "live" / "shop.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE pets (photo)")
    return path


@pytest.fixture
def left(shop: Path) -> Path:
    """The folder of a restore that was killed."""
    script = KILLED.format(shop=str(shop))
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    [folder] = shop.parent.glob("belfry-backup-*")
    return folder


def backup(shop: Path, job: JobContext | None = None) -> bytes:
    with SqliteSource(shop).dump(job or job_of()) as dump:
        return b"".join(dump.chunks)


def test_what_a_killed_restore_left_goes_with_the_next_backup(shop: Path, left: Path) -> None:
    assert backup(shop)
    assert not left.exists() and list(shop.parent.iterdir()) == [shop]


def test_what_a_killed_restore_left_goes_with_the_next_restore(shop: Path, left: Path) -> None:
    SqliteSource(shop).restore(iter([shop.read_bytes()]), Target(name="new.db"), job_of())
    assert not left.exists()


def test_what_cannot_be_removed_is_told_and_fails_no_backup(
    shop: Path, left: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(_: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(sqlite, "remove_left", read_only)
    assert backup(shop, job := job_of()) and left.is_dir()
    assert "Read-only file system" in job.log.text()


def test_a_backup_lets_a_restore_go_on_that_is_under_way(shop: Path) -> None:
    content = backup(shop)

    def meanwhile() -> Iterator[bytes]:
        yield content[:1000]
        assert backup(shop)
        yield content[1000:]

    made = SqliteSource(shop).restore(meanwhile(), Target(), job_of())
    assert made.contents.tables == {"pets": 0}
