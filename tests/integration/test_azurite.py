"""Azurite as we start it keeps what it was given, ends with its parent, and says why it cannot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local import azurite as local_azurite
from local import ports
from local.azurite import Azurite
from shared.errors import Damaged, Unavailable

_STARTER = """
import pathlib, sys
from local import azurite
running = azurite.start(pathlib.Path(sys.argv[1]))
print(running.process.pid, *running.ports, flush=True)
sys.stdin.read()
"""


def _closed_within(seconds: float, on: tuple[int, ...]) -> bool:
    deadline = time.monotonic() + seconds
    while any(ports.answers(port) for port in on):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_all_three_services_answer(azurite: Azurite) -> None:
    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:
        blobs.create_container("answers")
    with QueueServiceClient.from_connection_string(azurite.connection_string) as queues:
        queues.create_queue("answers")
    with TableServiceClient.from_connection_string(azurite.connection_string) as tables:
        tables.create_table("answers")


def test_what_was_stored_is_there_after_a_restart(tmp_path: Path) -> None:
    with (
        local_azurite.start(tmp_path) as running,
        BlobServiceClient.from_connection_string(running.connection_string) as blobs,
    ):
        blobs.create_container("kept").upload_blob("one", b"1")
    assert _closed_within(5, running.ports)
    with (
        local_azurite.start(tmp_path, ports=running.ports) as again,
        BlobServiceClient.from_connection_string(again.connection_string) as blobs,
    ):
        assert blobs.get_blob_client("kept", "one").download_blob().readall() == b"1"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such signal")
def test_it_ends_with_its_parent_even_when_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _STARTER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout
        _, *listening = map(int, parent.stdout.readline().split())
        os.kill(parent.pid, signal.SIGKILL)
    assert _closed_within(5, tuple(listening))


def test_told_twice_to_end_it_still_keeps_what_it_was_given(tmp_path: Path) -> None:
    with (
        local_azurite.start(tmp_path) as running,
        BlobServiceClient.from_connection_string(running.connection_string) as blobs,
    ):
        blobs.create_container("kept").upload_blob("one", b"1")
        for _ in range(20):
            running.process.terminate()
            time.sleep(0.002)  # within the time that it takes to write
        running.process.wait(10)
    assert '"kept"' in (tmp_path / "__azurite_db_blob__.json").read_text()


def test_a_damaged_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "__azurite_db_blob__.json").write_text('{"filename": "cut of')
    with pytest.raises(Damaged, match=r"__azurite_db_blob__\.json .* is not whole"):
        local_azurite.start(tmp_path)


def test_a_port_that_is_taken_shows_in_the_error(azurite: Azurite, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"port \d+ is in use"):
        local_azurite.start(tmp_path, ports=azurite.ports)
