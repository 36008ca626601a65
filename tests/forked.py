"""`python -m functions WORDS` as a process of its own, without the start of an interpreter.

`Commands` is one process that has imported all that a command needs, and forks a child for each:
the tests would spend their time on imports otherwise. It reads a JSON object a line, and tells the
child's exit code when that has ended.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path


class Commands:
    """The process that forks them. One at a time."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked"],
            stdin=pipe,
            stdout=pipe,
            cwd=Path(__file__).parents[1],
        )

    def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """`python -m functions WORDS` in a shell that has nothing but these variables."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            asked = {"words": words, "environ": environ, "folder": folder}
            self._process.stdin.write(json.dumps(asked).encode() + b"\n")
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            said = ((Path(folder) / name).read_text() for name in ("stdout", "stderr"))
            return subprocess.CompletedProcess(words, code, *said)

    def close(self) -> None:
        """End it."""
        self._process.communicate()
        assert self._process.returncode == 0


def main() -> None:
    """The process's own side; in a child it ends as the command does."""
    _import()
    gc.freeze()  # else a child would touch, and so copy, all that was imported
    while line := sys.stdin.buffer.readline():
        asked = json.loads(line)
        pid = os.fork()
        if not pid:
            _become(Path(asked["folder"]), asked["words"], asked["environ"])
            return
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _import() -> None:
    """What reads no settings when it is imported."""
    import azure.storage.blob
    import psycopg

    import functions._process
    import shared.cli
    import shared.process

    assert azure.storage.blob and psycopg and shared.cli and shared.process
    assert list(functions.tasks())


def _become(folder: Path, words: list[str], environ: dict[str, str]) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv[1:] = words
    runpy.run_module("functions", run_name="__main__")


if __name__ == "__main__":
    main()
