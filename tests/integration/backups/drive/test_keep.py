"""Retention in the folder: the newest of a group stay, whatever they are called."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from shared.backups.drive.folder import GROUP, TAKEN_AT
from shared.errors import Refused
from tests.integration.backups.drive.service import DriveServer
from tests.integration.backups.drive.setup import PLAN, drive_of, go_on, put, sha256


def fill(server: DriveServer, count: int, group: str = PLAN[GROUP]) -> None:
    drive = drive_of(server)
    for number in range(count):
        content = f"{group} {number}".encode()
        name = f"{group}-{number}"
        put(drive, name, content, properties={GROUP: group})
        drive.put_checksum(name, sha256(content), go_on, {GROUP: group})


def test_the_newest_of_a_group_are_kept_over_many_pages(server: DriveServer) -> None:
    fill(server, 6)
    fill(server, 3, "daily")
    server.add("theirs")
    server.page_size = 2
    drive = drive_of(server)

    assert len(drive.files(go_on)) == 18
    assert drive.keep(4, PLAN[GROUP], go_on) == ["weekly/crm-1", "weekly/crm-0"]
    kept = [f"weekly/crm-{number}" for number in (2, 3, 4, 5)]
    kept += [f"daily-{number}" for number in range(3)]
    assert sorted(server.names()) == sorted([*kept, *(f"{name}.sha256" for name in kept), "theirs"])
    assert drive.keep(4, PLAN[GROUP], go_on) == []
    assert drive.keep(0, PLAN[GROUP], go_on) == [f"weekly/crm-{number}" for number in (4, 3, 2)]
    assert drive.keep(30, "daily", go_on) == []


def test_a_copy_made_late_is_as_old_as_its_backup(server: DriveServer) -> None:
    drive = drive_of(server)
    put(drive, "new", b"new", properties={TAKEN_AT: "2026-11-09T02:00:00Z"})
    put(drive, "caught up", b"old", properties={TAKEN_AT: "2026-11-02T02:00:00+00:00"})
    assert drive.keep(1, PLAN[GROUP], go_on) == ["caught up"]


def test_who_may_not_delete_puts_it_into_the_bin(server: DriveServer) -> None:
    server.may_delete = False
    fill(server, 2)
    drive = drive_of(server)
    assert drive.keep(1, PLAN[GROUP], go_on) == ["weekly/crm-0"]
    assert server.names() == ["weekly/crm-1", "weekly/crm-1.sha256"]
    assert len(drive.files(go_on)) == 2, "what is in the bin is not there"


def test_what_is_gone_already_is_removed(server: DriveServer) -> None:
    fill(server, 2)
    server.fail("DELETE", "", action=server.items.clear)
    assert drive_of(server).keep(1, PLAN[GROUP], go_on) == ["weekly/crm-0"]


def test_a_retention_that_is_broken_off_is_finished_by_the_next(server: DriveServer) -> None:
    fill(server, 2)
    server.fail("DELETE", "", status=400, reason="broken", after=1)
    with pytest.raises(Refused, match="broken"):
        drive_of(server).keep(1, PLAN[GROUP], go_on)
    assert drive_of(server).keep(1, PLAN[GROUP], go_on) == ["weekly/crm-0"]
    assert server.names() == ["weekly/crm-1", "weekly/crm-1.sha256"]


@pytest.mark.parametrize(
    "name", ["it's.dump", "back\\slash", "\\' or name != '", "Größe \N{BELL}.zst", "a&b=c?#%2F+"]
)
def test_odd_names(server: DriveServer, name: str, tmp_path: Path) -> None:
    content = b"content"
    first = put(drive_of(server), name, content)
    assert put(drive_of(server), name, content) == first
    drive_of(server).put_checksum(name, sha256(content), go_on, PLAN)
    (tmp_path / name.replace("/", "_")).write_bytes(content)
    text = server.content(f"{name}.sha256")
    assert subprocess.run(["sha256sum", "-c"], input=text, cwd=tmp_path).returncode == 0
    put(drive_of(server), "newer", content)
    assert drive_of(server).keep(1, PLAN[GROUP], go_on) == [name]
    assert server.names() == ["newer"]


def test_an_odd_group(server: DriveServer) -> None:
    group = "o'brien\\'s"
    put(drive_of(server), "a", b"a", properties={GROUP: group})
    put(drive_of(server), "b", b"b", properties={GROUP: group})
    assert drive_of(server).keep(1, group, go_on) == ["a"]
