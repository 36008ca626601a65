"""`python -m functions WORDS`, or another program, as a process of its own, without the start of an
interpreter.

`Commands` is one process that has imported all that a command needs, and forks a child for each:
the tests would spend their time on imports otherwise. It reads a JSON object a line, tells the
child's id, and its exit code when that has ended.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO

NEEDED = (
    *("azure.data.tables", "azure.storage.blob", "psycopg", "stripe"),
    *("sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql.psycopg"),
    *("functions._process", "shared.cli", "shared.process"),
    *("shared.billing.service", "shared.data.migrations.run"),
)
"""What commands import, and what reads no settings when it is imported."""


@dataclass(frozen=True)
class Started:
    """A command under way."""

    pid: int
    words: Sequence[str]
    folder: tempfile.TemporaryDirectory[str]
    codes: IO[bytes]

    def wait(self) -> subprocess.CompletedProcess[str]:
        """What it said and how it ended, once it has."""
        code = int(self.codes.readline())
        with self.folder as folder:
            said = [(Path(folder) / name).read_text() for name in ("stdout", "stderr")]
        return subprocess.CompletedProcess(self.words, code, *said)


class Commands:
    """The process that forks them. One at a time."""

    def __init__(self, program: str = "functions", needed: Sequence[str] = NEEDED) -> None:
        """`program`: what `python -m` runs; `needed`: the modules to import before."""
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked", program, *needed],
            stdin=pipe,
            stdout=pipe,
            cwd=Path(__file__).parents[1],
        )

    def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """`python -m PROGRAM WORDS` in a shell that has nothing but these variables."""
        return self.start(words, environ).wait()

    def start(self, words: Sequence[str], environ: Mapping[str, str], program: str = "") -> Started:
        """The same, not waited for; `program`: another than usual."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        folder = tempfile.TemporaryDirectory()
        asked = {"program": program, "words": words, "environ": environ, "folder": folder.name}
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        self._process.stdin.flush()
        return Started(int(self._process.stdout.readline()), words, folder, self._process.stdout)

    def close(self) -> None:
        """End it."""
        self._process.communicate()
        assert self._process.returncode == 0


def main() -> None:
    """The process's own side; in a child it ends as the command does."""
    _, program, *needed = sys.argv
    _import(needed)
    gc.freeze()  # else a child would touch, and so copy, all that was imported
    while line := sys.stdin.buffer.readline():
        asked = json.loads(line)
        pid = os.fork()
        if not pid:
            called = asked["program"] or program
            _become(called, Path(asked["folder"]), asked["words"], dict(asked["environ"]))
            return
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _import(needed: Sequence[str]) -> None:
    import functions

    for name in needed:
        import_module(name)
    assert list(functions.tasks())


def _become(program: str, folder: Path, words: list[str], environ: dict[str, str]) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv[1:] = words
    runpy.run_module(program, run_name="__main__")


if __name__ == "__main__":
    main()
