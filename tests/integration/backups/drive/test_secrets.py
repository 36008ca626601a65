"""The service account's key: what is none is said, and nothing of it is ever told."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator

import pytest

from shared.backups.drive.folder import Drive
from shared.errors import BelfryError, Misconfigured
from shared.settings import DriveSettings, Secret
from tests.clocks import HastyClock
from tests.integration.backups.drive.service import ADDRESS, FOLDER, PRIVATE_KEY, DriveServer
from tests.integration.backups.drive.setup import CHUNKS, drive_of, put


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
    drive = drive_of(server)
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
    for secret in [*tokens, *server.sessions, PRIVATE_KEY.splitlines()[1]]:
        assert secret not in text


def test_no_drive_without_settings() -> None:
    assert Drive.of(DriveSettings(), HastyClock()) is None


def test_half_the_settings_are_none(server: DriveServer) -> None:
    whole = server.settings()
    with pytest.raises(Misconfigured, match="GDRIVE_FOLDER_ID is not"):
        Drive.of(DriveSettings(service_account=whole.service_account), HastyClock())
    with pytest.raises(Misconfigured, match="GDRIVE_SERVICE_ACCOUNT is not"):
        Drive.of(DriveSettings(folder_id=FOLDER), HastyClock())
    found = Drive.of(whole, HastyClock())
    assert found is not None
    assert found.address == ADDRESS


@pytest.mark.parametrize("key", ["hush-hush", "[]", '{"client_email": "hush-hush"}', '"hush-hush"'])
def test_a_key_that_is_none_is_not_shown(key: str) -> None:
    with pytest.raises(Misconfigured, match="not a service account's key") as caught:
        Drive.of(DriveSettings(folder_id=FOLDER, service_account=Secret(key)), HastyClock())
    assert "hush-hush" not in "".join(traceback.format_exception(caught.value))


def test_a_private_key_that_is_none_is_not_shown(server: DriveServer) -> None:
    drive = Drive(server.settings(private_key="hush-hush"), HastyClock())
    with pytest.raises(Misconfigured, match="private_key cannot be read") as caught:
        put(drive)
    assert "hush-hush" not in "".join(traceback.format_exception(caught.value))
