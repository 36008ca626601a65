"""What Drive refuses, or has wrong: said with what to do, and not tried again."""

from __future__ import annotations

from typing import Any

import pytest

from shared.backups.drive.folder import GROUP
from shared.errors import Damaged, Invalid, Misconfigured, Refused
from tests.integration.backups.drive.service import ADDRESS, FOLDER, DriveServer
from tests.integration.backups.drive.setup import (
    CHUNKS,
    CONTENT,
    PLAN,
    drive_of,
    go_on,
    put,
    sha256,
)


def test_tokens_that_are_never_taken_are_a_refusal(server: DriveServer) -> None:
    server.fail("GET", "/drive/v3/files", status=401, times=1000)
    with pytest.raises(Refused, match="GDRIVE_SERVICE_ACCOUNT"):
        put(drive_of(server))


def test_a_key_that_is_not_taken_is_a_refusal(server: DriveServer) -> None:
    server.token_error = (400, "invalid_grant")
    with pytest.raises(Refused, match=r"GDRIVE_SERVICE_ACCOUNT \(invalid_grant\)"):
        put(drive_of(server))


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


def test_a_backup_that_is_shorter_than_it_says_is_damaged(server: DriveServer) -> None:
    with pytest.raises(Damaged, match="crm: 0 bytes at 0, not 9"):
        drive_of(server).put("crm", 9, "0" * 64, lambda _offset, _length: b"", go_on, PLAN)
    assert server.names() == []


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
    with pytest.raises(Misconfigured, match=f"GDRIVE_FOLDER_ID.*{ADDRESS}"):
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


def test_a_property_that_drive_would_not_take(server: DriveServer) -> None:
    with pytest.raises(Invalid, match="belfry_group"):
        put(drive_of(server), properties={GROUP: "g" * 113})
    put(drive_of(server), properties={GROUP: "g" * 112})
