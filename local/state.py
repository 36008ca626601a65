"""The state folder: one user at a time, and no program left over from a killed run.

`.local/` holds everything that outlives a run: Azurite's files, the PostgreSQL cluster, the demo
company. Deleting it starts afresh; moving it away keeps it.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from shared.errors import Conflict, Damaged, Misconfigured

DEFAULT = ".local"
_PATIENCE = 10


class DamagedFile(Damaged):
    """One file of the state is damaged; what else is in it need not go with that."""

    def __init__(self, file: Path, message: str) -> None:
        super().__init__(message)
        self.file = file


@dataclass(frozen=True, slots=True)
class State:
    """A state folder that this process holds."""

    folder: Path

    @property
    def is_default(self) -> bool:
        return self.folder == Path(DEFAULT).resolve()

    @property
    def shown(self) -> str:
        """As a person would write it."""
        return DEFAULT if self.is_default else str(self.folder)

    def remember(self, processes: Mapping[str, int]) -> None:
        """Note which programs run on this state, for a later run to find them."""
        (self.folder / "pids.json").write_text(json.dumps(processes))

    def secrets_key(self) -> str:
        """The key that encrypts customers' secrets in this state; made when it is missing."""
        file = self.folder / "secrets.key"
        if not file.exists():
            beside = file.with_suffix(".new")
            beside.unlink(missing_ok=True)
            beside.touch(0o600)
            beside.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
            beside.replace(file)
        return file.read_text().strip()

    def end_left_over(self) -> list[str]:
        """End programs that an earlier, killed run left; the names of those that were there."""
        try:
            noted: dict[str, int] = json.loads((self.folder / "pids.json").read_text())
        except (OSError, ValueError):
            return []
        return [name for name, pid in noted.items() if self._end(pid)]

    def _end(self, pid: int) -> bool:
        try:
            process = psutil.Process(pid)
            # The number may be another program's by now: ours has the folder in its command.
            if str(self.folder) not in " ".join(process.cmdline()):
                return False
            process.terminate()
            process.wait(_PATIENCE)
        except psutil.NoSuchProcess:
            return False
        except psutil.TimeoutExpired:
            process.kill()
        return True


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[State]:
    """The folder, made when it is missing.

    Raises `Conflict` when another process holds it, `Misconfigured` when it, or what is in it,
    cannot be used, here or while it is held.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Opened without truncating: it tells whom we would have to wait for.
        opened = (folder / "lock").open("a+")
    except OSError as error:
        raise _unusable(folder, error) from None
    with opened as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise Conflict(
                f"Belfry runs on {folder} already (process {lock.read().strip() or 'unknown'}); "
                "stop that one, or start another beside it: "
                "make start STATE=.local2 PORT=0 AZURITE_PORT=0 POSTGRES_PORT=0"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            yield State(folder.resolve())
        except OSError as error:
            if not Path(str(error.filename)).is_relative_to(folder.resolve()):
                raise
            raise _unusable(folder, error) from None


def _unusable(folder: Path, error: OSError) -> Misconfigured:
    """It is not damaged, so there is nothing to move away."""
    is_file = isinstance(error, FileExistsError | NotADirectoryError)
    why = "a folder is needed where a file is" if is_file else str(error.strerror)
    return Misconfigured(
        f"the state cannot be kept in {folder}: {error.filename}: {why}; mend that, or name "
        "another folder: make start STATE=..."
    )
