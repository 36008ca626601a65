"""The scratch folder: gone afterwards, and its failures named."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from shared.backups.sqlite_contents import scratch_folder
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
