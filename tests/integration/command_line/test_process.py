"""The command line as a process: on a terminal, and stopped by Ctrl-C."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest

from belfry.problems import Exit
from tests.integration.command_line.conftest import Shell

BELFRY = Path("bin/belfry").absolute()


def environ(shell: Shell) -> dict[str, str]:
    own = {"BELFRY_URL": shell.url, "BELFRY_CONFIG": str(shell.folder / "none"), "COLUMNS": "150"}
    return os.environ | own | {"TERM": "xterm-256color"}


def test_ctrl_c_ends_the_wait_and_not_the_job(shell: Shell) -> None:
    one = shell.told("create", "--name", "a", "--task", "works", "--every", "60")["id"]
    process = subprocess.Popen(
        [BELFRY, "run", one, "--force"],
        cwd=shell.folder,  # from any folder
        env=environ(shell),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith(f"job {one}-")
    process.send_signal(signal.SIGINT)
    assert "goes on" in process.communicate(timeout=60)[1]
    assert process.returncode == Exit.INTERRUPTED
    (job,) = shell.engine.work()
    assert job.status.value == "succeeded"


@pytest.mark.parametrize("words", [("list",), ("show",)])
def test_a_terminal_gets_tables(shell: Shell, words: tuple[str, ...]) -> None:
    one = shell.told("create", "--name", "[red]a", "--task", "works", "--every", "60")["id"]
    ours, theirs = pty.openpty()
    command = [BELFRY, *words, *([one] if words == ("show",) else [])]
    done = subprocess.Popen(command, env=environ(shell), stdout=theirs)
    os.close(theirs)
    said = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        try:
            while part := terminal.read(4096):
                said += part
        except OSError:  # how a terminal says that the other side is closed
            pass
    assert done.wait(60) == 0
    text = said.decode()
    assert one in text and "[red]a" in text, "a name is not read as markup"
    assert ("NAME" in text) if words == ("list",) else ("interval_seconds" in text)
