"""A copy is whole and there once, whatever becomes of its upload."""

from __future__ import annotations

import hashlib
import subprocess
import tracemalloc
from pathlib import Path

import pytest

from shared.backups.drive.folder import GROUP, TAKEN_AT, Drive
from shared.errors import Unavailable
from tests.clocks import HastyClock
from tests.integration.backups.drive.service import UNIT, DriveServer
from tests.integration.backups.drive.setup import (
    CHUNKS,
    CONTENT,
    MIB,
    PLAN,
    drive_of,
    go_on,
    put,
    sha256,
    starts,
)


def test_a_copy_is_whole_and_its_checksum_file_proves_it(
    server: DriveServer, tmp_path: Path
) -> None:
    drive = drive_of(server)
    file_id = put(drive, properties={TAKEN_AT: "2026-11-02T02:00:00Z"})
    drive.put_checksum("crm.dump.zst", sha256(CONTENT), go_on, PLAN)

    for name in server.names():
        (tmp_path / name).write_bytes(server.content(name))
    command = ["sha256sum", "-c", "crm.dump.zst.sha256"]
    said = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert said.stdout == "crm.dump.zst: OK\n"
    file = next(one for one in drive.files(go_on) if one.id == file_id)
    assert (file.name, file.size, file.sha256) == ("crm.dump.zst", len(CONTENT), sha256(CONTENT))
    assert file.whole
    assert file.properties[GROUP] == "weekly/crm"
    assert file.taken_at.isoformat() == "2026-11-02T02:00:00+00:00"
    assert starts(server)[:-1] == [0, MIB, 2 * MIB, 3 * MIB, 4 * MIB, 5 * MIB]
    assert server.issued == 1, "one token serves all"


def test_what_is_there_is_not_uploaded_again(server: DriveServer) -> None:
    first = put(drive_of(server))
    server.chunks.clear()
    assert put(drive_of(server)) == first
    assert server.chunks == []
    assert server.names() == ["crm.dump.zst"]


def test_another_s_file_of_that_name_is_left_alone(server: DriveServer) -> None:
    theirs = server.add("crm.dump.zst")
    ours = put(drive_of(server))
    assert list(server.items) == [theirs.id, ours]


@pytest.mark.parametrize("size", [0, 1, MIB, MIB + 1])
def test_any_size(server: DriveServer, size: int) -> None:
    put(drive_of(server), content=CONTENT[:size])
    assert server.content("crm.dump.zst") == CONTENT[:size]


def test_an_upload_that_is_cut_goes_on_at_the_byte_that_drive_has(server: DriveServer) -> None:
    server.fail("PUT", CHUNKS, after=2, cut_at=600 * 1024)
    put(drive_of(server))

    assert server.content("crm.dump.zst") == CONTENT
    resumed = 2 * MIB + 512 * 1024
    assert starts(server) == [0, MIB, 2 * MIB, *range(resumed, len(CONTENT), MIB)]
    assert sum(came for _, came in server.chunks) == len(CONTENT) + 600 * 1024 - 512 * 1024
    assert len(server.sessions) == 1


def test_a_cut_before_the_first_256_kib_begins_at_zero_in_the_same_session(
    server: DriveServer,
) -> None:
    server.fail("PUT", CHUNKS, cut_at=1000)
    put(drive_of(server))
    assert starts(server)[:3] == [0, 0, MIB]
    assert len(server.sessions) == 1


def test_a_chunk_that_drive_takes_less_of_is_not_skipped(server: DriveServer) -> None:
    server.fail("PUT", CHUNKS, after=1, takes=UNIT)
    put(drive_of(server))
    assert server.content("crm.dump.zst") == CONTENT
    assert starts(server)[:3] == [0, MIB, MIB + UNIT]


def test_a_lost_answer_to_the_last_chunk_makes_no_second_file(server: DriveServer) -> None:
    server.fail("PUT", CHUNKS, after=5, unanswered=True)
    file_id = put(drive_of(server))
    assert list(server.items) == [file_id]
    assert len(starts(server)) == 6


def test_5xx_is_tried_again_from_what_drive_has(server: DriveServer) -> None:
    for status in (500, 502, 503, 504):
        server.fail("PUT", CHUNKS, status=status, after=1)
    server.fail("POST", "/upload/", status=503)
    server.fail("GET", "/drive/v3/files/", status=500)
    put(drive_of(server))
    assert server.content("crm.dump.zst") == CONTENT
    assert starts(server) == [0, MIB, 2 * MIB, 3 * MIB, 4 * MIB, 5 * MIB]


def test_a_session_without_an_address_is_asked_for_again(server: DriveServer) -> None:
    server.fail("POST", "/upload/", status=200)
    put(drive_of(server))
    assert server.asked("POST", "/upload/") == 2


@pytest.mark.parametrize("status", [404, 410])
def test_a_session_that_is_gone_begins_anew(server: DriveServer, status: int) -> None:
    server.fail("PUT", CHUNKS, status=status, after=2)
    put(drive_of(server))
    assert server.content("crm.dump.zst") == CONTENT
    assert starts(server) == [0, MIB, *range(0, len(CONTENT), MIB)]
    assert len(server.sessions) == 2


def test_a_session_that_is_gone_when_all_was_there_makes_no_second_file(
    server: DriveServer,
) -> None:
    server.fail("PUT", CHUNKS, after=5, unanswered=True)
    server.fail("PUT", CHUNKS, after=5, status=404)
    file_id = put(drive_of(server))
    assert list(server.items) == [file_id]
    assert len(server.sessions) == 1


def test_sessions_that_are_gone_every_time_end_it(server: DriveServer) -> None:
    server.fail("PUT", CHUNKS, status=404, times=1000)
    with pytest.raises(Unavailable, match=r"lost the upload of crm\.dump\.zst 5 times"):
        put(drive_of(server))
    assert server.names() == []


def test_memory_is_bounded_by_a_chunk_or_two(server: DriveServer) -> None:
    server.keeps_content = False
    size, chunk = 40 * MIB, 8 * MIB
    expected = hashlib.sha256(bytes(size)).hexdigest()
    drive = Drive(server.settings(), HastyClock())
    drive.files(go_on)  # the imports
    server.fail("PUT", CHUNKS, after=2, cut_at=3 * MIB)
    server.fail("PUT", CHUNKS, after=3, status=503, times=3)
    server.fail("PUT", CHUNKS, after=3, cut_at=3 * MIB, times=3)
    tracemalloc.start()
    try:
        drive.put("big", size, expected, lambda _offset, length: bytes(length), go_on, PLAN)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2.5 * chunk
    assert max(came for _, came in server.chunks) == chunk
