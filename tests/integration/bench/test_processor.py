"""Processor time is that of a program and of what it started, also of what has ended since."""

from __future__ import annotations

import subprocess
import sys

from bench.peers.processor import Meter

_BUSY = "import time\nwhile time.process_time() < 0.3: pass\n"
_STARTS = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_BUSY!r}]); "


def _told(code: str) -> subprocess.Popen[bytes]:
    """It says when it has done its work, and then waits."""
    program = f"{code}\nprint('done', flush=True)\nimport sys; sys.stdin.read()"
    command = [sys.executable, "-c", program]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _wait(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == b"done\n"


def test_what_a_program_and_its_children_took_is_shared_out_among_the_jobs() -> None:
    with _told(_STARTS) as host, _told("") as storage:
        meter = Meter([host], [storage])
        _wait(host)
        _wait(storage)
        found = meter.read(10, more=1.0)
        host.kill()
        storage.kill()
    assert found.hosts_milliseconds >= 25 + 100, "of the child, and of what had ended"
    assert found.storage_milliseconds < found.hosts_milliseconds
