"""What the tests of copies on Google Drive share: a file of several chunks, and its upload."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping

from shared.backups.drive.folder import GROUP, Drive
from shared.clock import Clock
from tests.clocks import HastyClock
from tests.integration.backups.drive.service import DriveServer

MIB = 1024 * 1024
CHUNKS = "upload_id="
CONTENT = random.Random(6).randbytes(5 * MIB + 12_345)
PLAN = {GROUP: "weekly/crm"}


def drive_of(server: DriveServer, clock: Clock | None = None) -> Drive:
    return Drive(server.settings(), clock or HastyClock(), chunk=MIB)


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
