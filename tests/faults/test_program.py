"""The proxy as a program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite
from tests.faults.setup import SECONDS


def test_the_program_obeys_and_ends_with_its_stdin(azurite: Azurite) -> None:
    command = [sys.executable, "-m", "tests.faults", "--target", azurite.connection_string]
    with subprocess.Popen(
        [*command, "--seed", "7", "--rate", "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None

        def ask(line: str) -> str:
            print(line, file=program.stdin, flush=True)
            return program.stdout.readline().strip() if program.stdout else ""

        text = program.stdout.readline().strip()
        with BlobServiceClient.from_connection_string(text, retry_total=0) as blobs:
            assert ask("rate 0") == "ok"
            blobs.get_service_properties()
            assert ask("add throttle 1 blob properties") == "ok"
            with pytest.raises(HttpResponseError, match="busy"):
                blobs.get_service_properties()
            counts = json.loads(ask("counts"))
            assert counts["blob"] == {"GET properties": 2}
            assert counts["faults"] == {"throttle": 1}
            assert ask("clear") == "ok"
            assert ask("reset") == "ok"
            blobs.get_service_properties()
            assert json.loads(ask("counts"))["faults"] == {}
        for wrong in ("dance", "rate", "rate 2", "add nothing 0.1", "add reset 1 fax"):
            assert ask(wrong).startswith("error: ")
        program.stdin.close()
        assert program.wait(SECONDS) == 0
