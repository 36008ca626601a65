"""What is waited for, how long, and what ends a wait."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.backups.drive.folder import Drive
from shared.errors import Cancelled, Unavailable
from shared.settings import DriveSettings
from tests.clocks import HastyClock
from tests.integration.backups.drive.service import FOLDER, DriveServer
from tests.integration.backups.drive.setup import CHUNKS, CONTENT, drive_of, put


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
        put(drive_of(server))
    assert server.asked("PUT", "/upload/") > 3
    assert server.names() == []


def test_a_server_that_takes_no_bytes_is_not_asked_for_ever(server: DriveServer) -> None:
    server.fail("PUT", CHUNKS, after=1, takes=0, times=10_000)
    with pytest.raises(Unavailable, match="takes no bytes"):
        put(drive_of(server))


def test_a_token_that_expires_on_the_way_is_renewed(server: DriveServer) -> None:
    server.fail("PUT", CHUNKS, after=3, action=server.tokens.clear)
    put(drive_of(server))
    assert server.content("crm.dump.zst") == CONTENT
    assert server.issued == 2
    assert len(server.sessions) == 1


def test_a_token_that_is_long_in_coming_is_waited_for(server: DriveServer) -> None:
    server.fail("POST", "/token", unanswered=True)
    put(drive_of(server))
    server.tokens.clear()
    server.token_error = (503, "temporarily_unavailable")
    clock = HastyClock()

    def check() -> None:
        clock.advance(timedelta(minutes=11))  # the library itself tries for a few seconds

    with pytest.raises(Unavailable, match="gives no token now"):
        put(drive_of(server, clock), check=check)


def test_a_checksum_that_is_not_there_yet_is_waited_for(server: DriveServer) -> None:
    server.checksum_late = 3
    put(drive_of(server))
    server.checksum_late = 10_000
    with pytest.raises(Unavailable, match=r"does not tell the SHA-256 of other\.dump"):
        put(drive_of(server), "other.dump")
    server.checksum_late = 0
    put(drive_of(server), "other.dump")
    assert server.names() == ["crm.dump.zst", "other.dump"]


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
        put(drive_of(server), check=check)
    assert server.asked("PUT", "/upload/") == 1


def test_nobody_there(server: DriveServer) -> None:
    settings = server.settings()
    drive = Drive(
        DriveSettings(
            folder_id=FOLDER, service_account=settings.service_account, url="http://127.0.0.1:9"
        ),
        HastyClock(),
    )
    with pytest.raises(Unavailable, match=r"did not answer \(ConnectionError\)"):
        put(drive)
