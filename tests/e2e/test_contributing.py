"""What CONTRIBUTING.md says to type, typed in a fresh copy of the project."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import checkout
from tests.conftest import scratch
from tests.e2e.conftest import Belfry, running


@pytest.fixture
def belfry_of_its_own() -> Iterator[Belfry]:
    """The `make start` of a fresh copy, which keeps its state where it does by default."""
    with scratch() as folder:
        checkout.make(folder)
        with running(Belfry(folder / ".local", {"STATE": ""}, repo=folder)) as app:
            yield app


def typed(command: str, folder: Path) -> str:
    """What a person's shell shows."""
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    shell = ["bash", "-c", command]
    done = subprocess.run(shell, cwd=folder, env=environ, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_new_task_runs_as_the_page_says(belfry_of_its_own: Belfry) -> None:
    test, start, real = checkout.commands()
    folder = belfry_of_its_own.repo
    assert "3 passed" in typed(test, folder)
    assert start == "make start"
    belfry_of_its_own.start()
    job = json.loads(typed(real, folder))
    assert (job["status"], job["result"]) == ("succeeded", {"files": 0, "deleted": 0})
