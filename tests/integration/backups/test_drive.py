"""Copies on Google Drive: whole, once, and with nothing left of what failed."""

from __future__ import annotations

import hashlib
import logging
import random
import subprocess
import traceback
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.backups.drive import GROUP, TAKEN_AT, Drive
from shared.errors import (
    BelfryError,
    Cancelled,
    Damaged,
    Invalid,
    Misconfigured,
    Refused,
    Unavailable,
)
from shared.settings import DriveSettings, Secret
from tests.integration.backups import drive_server
from tests.integration.backups.drive_server import FOLDER, UNIT, DriveServer

MIB = 1024 * 1024
CHUNKS = "upload_id="
CONTENT = random.Random(6).randbytes(5 * MIB + 12_345)
PLAN = {GROUP: "weekly/crm"}


@pytest.fixture
def server() -> Iterator[DriveServer]:
    with drive_server.running() as running:
        yield running


def drive_of(server: DriveServer, patience: float = 5.0) -> Drive:
    return Drive(server.settings(), chunk=MIB, pause=0.01, patience=patience)


def go_on() -> None:
    """A check that finds nothing."""


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def put(
    drive: Drive,
    name: str = "crm.dump.zst",
    content: bytes = CONTENT,
    check: Callable[[], None] = go_on,
    properties: Mapping[str, str] = {},
) -> str:
    def read(offset: int, length: int) -> bytes:
        return content[offset : offset + length]

    return drive.put(name, len(content), sha256(content), read, check, {**PLAN, **properties})


def starts(server: DriveServer) -> list[int]:
    return [start for start, _ in server.chunks]


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


def test_too_many_requests_are_tried_again_when_drive_says(server: DriveServer) -> None:
    server.fail("POST", "/upload/", status=429, headers={"Retry-After": "0"})
    server.fail("PUT", CHUNKS, status=429, after=1)
    server.fail("PUT", CHUNKS, status=403, reason="userRateLimitExceeded", after=1)
    put(drive_of(server))
    assert server.content("crm.dump.zst") == CONTENT


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("3600", 3600), ("Sat, 21 Nov 2026 13:00:00 GMT", 3600)],
)
def test_who_is_told_to_come_back_after_its_patience_does_not_wait(
    server: DriveServer, retry_after: str, seconds: int
) -> None:
    asked = {"Retry-After": retry_after, "Date": "Sat, 21 Nov 2026 12:00:00 GMT"}
    server.fail("PUT", CHUNKS, status=429, headers=asked)
    with pytest.raises(Unavailable, match=f"429, and asks to wait for {seconds} s"):
        put(drive_of(server))
    assert len(server.chunks) == 0


def test_patience_ends(server: DriveServer) -> None:
    server.fail("PUT", CHUNKS, status=503, after=1, times=10_000)
    with pytest.raises(Unavailable, match="Google Drive: it answered 503"):
        put(drive_of(server, patience=0.3))
    assert server.asked("PUT", "/upload/") > 3
    assert server.names() == []


def test_a_server_that_takes_no_bytes_is_not_asked_for_ever(server: DriveServer) -> None:
    server.fail("PUT", CHUNKS, after=1, takes=0, times=10_000)
    with pytest.raises(Unavailable, match="takes no bytes"):
        put(drive_of(server, patience=0.1))


def test_a_token_that_expires_on_the_way_is_renewed(server: DriveServer) -> None:
    server.fail("PUT", CHUNKS, after=3, action=server.tokens.clear)
    put(drive_of(server))
    assert server.content("crm.dump.zst") == CONTENT
    assert server.issued == 2
    assert len(server.sessions) == 1


def test_tokens_that_are_never_taken_are_a_refusal(server: DriveServer) -> None:
    server.fail("GET", "/drive/v3/files", status=401, times=1000)
    with pytest.raises(Refused, match="GDRIVE_SERVICE_ACCOUNT"):
        put(drive_of(server))


def test_a_key_that_is_not_taken_is_a_refusal(server: DriveServer) -> None:
    server.token_error = (400, "invalid_grant")
    with pytest.raises(Refused, match=r"GDRIVE_SERVICE_ACCOUNT \(invalid_grant\)"):
        put(drive_of(server))


def test_a_token_that_is_long_in_coming_is_waited_for(server: DriveServer) -> None:
    server.fail("POST", "/token", unanswered=True)
    put(drive_of(server))
    server.tokens.clear()
    server.token_error = (503, "temporarily_unavailable")
    with pytest.raises(Unavailable, match="gives no token now"):
        put(drive_of(server, patience=0))


def test_what_drive_has_wrong_is_damaged_and_removed(server: DriveServer) -> None:
    server.corrupts = True
    with pytest.raises(Damaged, match=f"crm.dump.zst: .*{sha256(CONTENT)} were sent"):
        put(drive_of(server))
    assert server.names() == []


def test_what_is_damaged_and_cannot_be_removed_is_still_damaged(server: DriveServer) -> None:
    put(drive_of(server), "older.dump", b"older")
    server.corrupts = True
    server.fail("DELETE", "", status=403, reason="insufficientFilePermissions")
    server.fail("PATCH", "", status=403, reason="insufficientFilePermissions")
    with pytest.raises(Damaged, match=r"it is still there: .*Content manager"):
        put(drive_of(server))
    assert [file.whole for file in drive_of(server).files(go_on)] == [True, False]
    assert drive_of(server).keep(1, PLAN[GROUP], go_on) == []

    server.corrupts = False
    put(drive_of(server))
    assert [file.whole for file in drive_of(server).files(go_on)] == [True, True]


def test_a_checksum_that_is_not_there_yet_is_waited_for(server: DriveServer) -> None:
    server.checksum_late = 3
    put(drive_of(server))
    server.checksum_late = 10_000
    with pytest.raises(Unavailable, match=r"does not tell the SHA-256 of other\.dump"):
        put(drive_of(server, patience=0.1), "other.dump")
    server.checksum_late = 0
    put(drive_of(server), "other.dump")
    assert server.names() == ["crm.dump.zst", "other.dump"]


@pytest.mark.parametrize("where", [("POST", "/upload/", 0), ("PUT", CHUNKS, 5)])
def test_no_room_says_just_that(server: DriveServer, where: tuple[str, str, int]) -> None:
    method, path, after = where
    server.fail(method, path, status=403, reason="storageQuotaExceeded", after=after)
    with pytest.raises(Refused, match=r"storage quota is exceeded .* shared drive"):
        put(drive_of(server))
    assert server.names() == []


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        (403, "accessNotConfigured", "Google Drive API is not enabled"),
        (403, "teamDriveFileLimitExceeded", "as many files as it may"),
        (403, "insufficientFilePermissions", "must be a Content manager"),
        (400, "badRequest", "400 badRequest"),
    ],
)
def test_a_refusal_is_not_tried_again(
    server: DriveServer, status: int, reason: str, said: str
) -> None:
    server.fail("POST", "/upload/", status=status, reason=reason)
    with pytest.raises(Refused, match=said):
        put(drive_of(server))
    assert server.asked("POST", "/upload/") == 1


def test_a_folder_that_is_not_there_is_named_with_the_address_to_share_it_with(
    server: DriveServer,
) -> None:
    server.folders.clear()
    with pytest.raises(Misconfigured, match=f"GDRIVE_FOLDER_ID.*{drive_server.ADDRESS}"):
        put(drive_of(server))


def test_a_folder_that_goes_away_meanwhile(server: DriveServer) -> None:
    drive = drive_of(server)
    put(drive)
    server.folders.clear()
    for call in (lambda: put(drive, "b"), lambda: drive.files(go_on)):
        with pytest.raises(Misconfigured, match="GDRIVE_FOLDER_ID"):
            call()


@pytest.mark.parametrize(
    ("folder", "said"),
    [({"mimeType": "text/plain"}, "is no folder"), ({"trashed": True}, "is in the bin")],
)
def test_a_folder_that_is_none(server: DriveServer, folder: dict[str, Any], said: str) -> None:
    server.folders[FOLDER] |= folder
    with pytest.raises(Misconfigured, match=said):
        put(drive_of(server))


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


def test_a_property_that_drive_would_not_take(server: DriveServer) -> None:
    with pytest.raises(Invalid, match="belfry_group"):
        put(drive_of(server), properties={GROUP: "g" * 113})
    put(drive_of(server), properties={GROUP: "g" * 112})


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


def test_stop_ends_between_chunks_and_leaves_no_file(server: DriveServer) -> None:
    def check() -> None:
        if len(server.chunks) == 2:
            raise Cancelled("told to stop")

    with pytest.raises(Cancelled):
        put(drive_of(server), check=check)
    assert len(server.chunks) == 2
    assert server.names() == []


def test_stop_ends_a_wait(server: DriveServer) -> None:
    server.fail("PUT", CHUNKS, status=503, headers={"Retry-After": "500"}, times=1000)

    def check() -> None:
        if server.asked("PUT", "/upload/"):
            raise Cancelled("told to stop")

    with pytest.raises(Cancelled):
        put(drive_of(server, patience=600), check=check)
    assert server.asked("PUT", "/upload/") == 1


def test_a_backup_that_is_shorter_than_it_says_is_damaged(server: DriveServer) -> None:
    with pytest.raises(Damaged, match="crm: 0 bytes at 0, not 9"):
        drive_of(server).put("crm", 9, "0" * 64, lambda _offset, _length: b"", go_on, PLAN)
    assert server.names() == []


def test_nobody_there(server: DriveServer) -> None:
    settings = server.settings()
    drive = Drive(
        DriveSettings(
            folder_id=FOLDER, service_account=settings.service_account, url="http://127.0.0.1:9"
        ),
        pause=0.01,
        patience=0.05,
    )
    with pytest.raises(Unavailable, match=r"did not answer \(ConnectionError\)"):
        put(drive)


def test_memory_is_bounded_by_a_chunk_or_two(server: DriveServer) -> None:
    server.keeps_content = False
    size, chunk = 40 * MIB, 8 * MIB
    expected = hashlib.sha256(bytes(size)).hexdigest()
    drive = Drive(server.settings(), pause=0.01)
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


def _faults(server: DriveServer) -> Iterator[None]:
    """One way to fail after the other."""
    server.fail("PUT", CHUNKS, status=503, times=10_000)
    yield
    server.fail("PUT", CHUNKS, cut_at=1000, times=10_000)
    yield
    server.fail("PUT", CHUNKS, status=400, reason="bad")
    yield
    server.fail("POST", "/upload/", unanswered=True, times=10_000)
    yield
    server.fail("GET", "", status=401, times=10_000)
    yield
    server.token_error = (400, "invalid_grant")
    server.tokens.clear()
    yield


def test_no_secret_is_told(server: DriveServer, caplog: pytest.LogCaptureFixture) -> None:
    said = []
    drive = drive_of(server, patience=0.1)
    with caplog.at_level(logging.DEBUG):
        put(drive, "fine")
        tokens = set(server.tokens)
        for _ in _faults(server):
            with pytest.raises(BelfryError) as caught:
                put(drive)
            tokens |= server.tokens
            server.faults.clear()
            error: BaseException | None = caught.value
            said += traceback.format_exception(caught.value)
            while error is not None:  # also what is not shown
                said.append(repr(error))
                error = error.__cause__ or error.__context__
    said += [f"{record.getMessage()} {record.__dict__}" for record in caplog.records]
    text = "\n".join(said)
    assert "upload_id=***" in text, "the lines were there to be seen"
    assert len(server.sessions) > 3
    for secret in [*tokens, *server.sessions, drive_server.PRIVATE_KEY.splitlines()[1]]:
        assert secret not in text


def test_no_drive_without_settings() -> None:
    assert Drive.of(DriveSettings()) is None


def test_half_the_settings_are_none(server: DriveServer) -> None:
    whole = server.settings()
    with pytest.raises(Misconfigured, match="GDRIVE_FOLDER_ID is not"):
        Drive.of(DriveSettings(service_account=whole.service_account))
    with pytest.raises(Misconfigured, match="GDRIVE_SERVICE_ACCOUNT is not"):
        Drive.of(DriveSettings(folder_id=FOLDER))
    found = Drive.of(whole)
    assert found is not None
    assert found.address == drive_server.ADDRESS


@pytest.mark.parametrize("key", ["hush-hush", "[]", '{"client_email": "hush-hush"}', '"hush-hush"'])
def test_a_key_that_is_none_is_not_shown(key: str) -> None:
    with pytest.raises(Misconfigured, match="not a service account's key") as caught:
        Drive.of(DriveSettings(folder_id=FOLDER, service_account=Secret(key)))
    assert "hush-hush" not in "".join(traceback.format_exception(caught.value))


def test_a_private_key_that_is_none_is_not_shown(server: DriveServer) -> None:
    drive = Drive(server.settings(private_key="hush-hush"))
    with pytest.raises(Misconfigured, match="private_key cannot be read") as caught:
        put(drive)
    assert "hush-hush" not in "".join(traceback.format_exception(caught.value))
