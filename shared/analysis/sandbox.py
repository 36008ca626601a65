"""Runs steps that read what strangers wrote, each in a program of its own (`inside`).

The program gets nothing of this process: no environment, no open files, a folder of its own. It is
killed with all that it started when its time is over or the job must end.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from shared.analysis import inside
from shared.analysis.limits import Limits
from shared.analysis.scratch import Scratch
from shared.errors import BelfryError
from shared.tasks import JobContext

_PROGRAM = Path(inside.__file__).with_name("__main__.py")
_LOOK = timedelta(seconds=0.05)
_SAID = 2000
"""Bytes of an error output that are kept."""


class Failed(BelfryError):
    """A step ended without an answer; the message says how, and nothing of what it read."""


class Sandbox:
    """Programs for one job, with one scratch folder."""

    def __init__(
        self,
        job: JobContext,
        scratch: Scratch,
        limits: Limits,
        turn: threading.Lock,
        modules: Mapping[str, str] | None = None,
    ) -> None:
        """`turn`: of this process, so that one program runs at a time: its memory is the
        instance's. `modules`: other modules for steps, by their names; for tests."""
        self._job = job
        self._scratch = scratch
        self._limits = limits
        self._turn = turn
        self._modules = modules or {}

    def run(self, step: str, **order: Any) -> Mapping[str, Any]:
        """What the step says. Raises `Failed`, and `Cancelled` if the job must end."""
        while not self._turn.acquire(timeout=_LOOK.total_seconds()):
            self._job.check()
        try:
            return self._run(step, order)
        finally:
            self._turn.release()

    def _run(self, step: str, order: Mapping[str, Any]) -> Mapping[str, Any]:
        out = self._scratch.new(step)
        whole = {
            **order,
            "step": self._modules.get(step, f"shared.analysis.inside.{step}"),
            "out": str(out),
            "parent": os.getpid(),
            "path": paths(),
            "limits": self._limits.said(),
        }
        errors = self._scratch.new(f"{step}.err")
        with errors.open("wb") as stderr:
            program = subprocess.Popen(
                [sys.executable, "-I", "-B", "-X", "utf8", str(_PROGRAM), json.dumps(whole)],
                cwd=self._scratch.home,
                env=self._scratch.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
            )
        try:
            status = self._wait(program, step)
        finally:
            _kill(program)
        if status != 0:
            raise Failed(f"{step} {_how(status)}{_last(errors)}")
        return self._read(out, step)

    def _wait(self, program: subprocess.Popen[bytes], step: str) -> int:
        until = self._job.clock.monotonic() + self._limits.seconds
        while not _ended(program):
            self._job.check()
            if self._job.clock.monotonic() > until:
                raise Failed(f"{step} took longer than {self._limits.seconds:.0f} s")
            self._job.clock.wait(self._job.stop, _LOOK)
        return _kill(program)

    def _read(self, out: Path, step: str) -> Mapping[str, Any]:
        try:
            if out.is_symlink() or out.stat().st_size > self._limits.output:
                raise Failed(f"{step} said more than {self._limits.output} bytes")
            said = json.loads(out.read_bytes())
        except (OSError, ValueError, RecursionError):
            raise Failed(f"{step} said nothing that can be read") from None
        if not isinstance(said, dict):
            raise Failed(f"{step} said nothing that can be read")
        return said


def paths() -> Sequence[str]:
    """Where this process finds its modules."""
    return [one for one in sys.path if one and Path(one).is_absolute() and Path(one).exists()]


def _ended(program: subprocess.Popen[bytes]) -> bool:
    """Whether it ended. Nobody else gets its number before `_kill`."""
    return os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill(program: subprocess.Popen[bytes]) -> int:
    """End the program and what it started; its status. Harmless the second time."""
    if program.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
    return program.wait()


def _how(status: int) -> str:
    if status >= 0:
        return f"ended with {status}"
    known = {
        signal.SIGXCPU: "used more processor time than it may",
        signal.SIGXFSZ: "wrote more than it may",
        signal.SIGKILL: "was killed: too much time or memory",
        signal.SIGSEGV: "crashed",
    }
    return known.get(signal.Signals(-status), f"ended by signal {-status}")


def _last(errors: Path) -> str:
    """The kind of its last error; never its message, which may quote what it read."""
    with errors.open("rb") as file:
        file.seek(max(0, errors.stat().st_size - _SAID))
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
    name = lines[-1].partition(":")[0] if lines else ""
    return f" ({name})" if name.replace(".", "").isidentifier() else ""
