"""The scratch folder: gone afterwards, and its failures named."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shared.backups.scratch import remove_left, scratch_folder
from shared.errors import Damaged, Unavailable


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk(tmp_path: Path, number: int) -> None:
    with pytest.raises(Unavailable, match=f"folder {tmp_path}: is full"), scratch_folder(tmp_path):
        raise OSError(number, "no room")
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fails(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=f"folder {tmp_path}: broken"), scratch_folder(tmp_path):
        raise OSError(errno.EIO, "broken")
    with pytest.raises(Unavailable, match="No such file"), scratch_folder(tmp_path / "none"):
        pass


@pytest.mark.parametrize("error", [ConnectionResetError(104, "reset"), OSError("x"), Damaged("x")])
def test_what_is_no_disks_stays_what_it_is(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as caught, scratch_folder(tmp_path):
        raise error
    assert caught.value is error
    assert not list(tmp_path.iterdir())


def left_by_a_killed_process(where: Path) -> Path:
    script = f"""
import os, signal
from pathlib import Path
from shared.backups.scratch import scratch_folder
with scratch_folder(Path({str(where)!r})) as folder:
    (folder / "copy.sqlite").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    [folder] = where.iterdir()
    return folder


def aged(folder: Path) -> Path:
    """As if it had been made yesterday."""
    os.utime(folder, (folder.stat().st_mtime - 86400,) * 2)
    return folder


def test_what_a_killed_process_left_is_removed_whoever_has_its_id_now(tmp_path: Path) -> None:
    left = left_by_a_killed_process(tmp_path)
    own = tmp_path / f"belfry-backup-{os.getpid()}-left"
    own.mkdir()
    with scratch_folder(tmp_path) as folder:
        assert not left.exists()
        assert set(tmp_path.iterdir()) == {folder, own}  # whose process may be about to lock it
    aged(own)
    with scratch_folder(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_what_is_in_use_stays_however_old(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as one:
        aged(one)
        with scratch_folder(tmp_path) as other:
            assert one.is_dir() and other.is_dir()
        assert one.is_dir()
    assert not list(tmp_path.iterdir())


def test_a_folder_of_somebody_else_stays_whatever_its_name(tmp_path: Path) -> None:
    theirs = tmp_path / "belfry-backup-downloads"
    theirs.mkdir()
    (theirs / "shop.dump.zst").touch()
    aged(theirs)
    with scratch_folder(tmp_path):
        assert theirs.is_dir()


def test_what_was_left_is_removed_without_a_folder_of_ones_own(tmp_path: Path) -> None:
    where = tmp_path / "where"
    where.mkdir()
    left = left_by_a_killed_process(where)
    left.rename(tmp_path / left.name)
    with scratch_folder(where) as used:
        left = (tmp_path / left.name).rename(left)
        new, letter = where / "belfry-backup-new", where / "belfry-backup-letter"
        new.mkdir()
        letter.touch()
        remove_left(where)
        assert set(where.iterdir()) == {used, new, letter}


def test_where_there_are_no_locks_nothing_of_others_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = aged(left_by_a_killed_process(tmp_path))

    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with scratch_folder(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == [left]
