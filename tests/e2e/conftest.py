"""Belfry as a person starts it: `make start`, on free ports and with a state of its own.

`belfry` is one running app for the whole session. A test that kills, restarts or breaks one has
its own, `launch`; both have the state of one that was started before, since the first start of a
PostgreSQL takes seconds. `fresh` has none.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from tests.conftest import scratch
from tests.waiting import until

REPO = Path(__file__).parents[2]
_PATIENCE = 120.0
_ON = "".join(re.findall(r"^\.venv-(.*)", Path(sys.prefix).name))
"""Which Python to start it on, as make wants it: the one that runs the tests."""
_DROPPED = (
    "Azure",
    "BELFRY",
    "DATABASE_PATH",
    "POSTGRES_",
    "BACKUP_",
    "SCHEDULE_",
    "MAKE",
    "MFLAGS",
)


@dataclass
class Belfry:
    """A `make start` and the folder that keeps its state."""

    state: Path
    settings: dict[str, str] = field(default_factory=dict)
    """Environment variables on top of the machine's."""
    process: subprocess.Popen[bytes] | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    """What the app said when it was ready: url, pid, storage, postgres, state, azurite_pid."""
    repo: Path = REPO
    """The project whose it is."""
    started: list[psutil.Process] = field(default_factory=list)
    """All that ran when it was ready."""

    @property
    def url(self) -> str:
        return str(self.facts["url"])

    def launch(self) -> None:
        """Type `make start`, and do not wait."""
        self._ready.unlink(missing_ok=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_DROPPED)}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                ["make", "start", f"ON={_ON}"],
                cwd=self.repo,
                env=kept | self._environ() | self.settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start(self) -> None:
        """Type `make start`, and wait until it serves."""
        self.launch()
        until(self._serves, _PATIENCE)
        self.facts = json.loads(self._ready.read_text())
        self.started = psutil.Process(self.facts["pid"]).children(recursive=True)

    def stop(self, number: int = signal.SIGINT) -> int:
        """Ctrl-C, as the terminal sends it: to make and to the app. The exit code of make."""
        assert self.process
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
        return self.process.wait(60)

    def kill(self) -> None:
        """kill -9 to the app and to who started it, which get no chance to tidy up."""
        for one in (*self._hosts(), psutil.Process(self.facts["pid"])):
            one.kill()
        assert self.process
        self.process.wait(30)

    def kill_host(self) -> int:
        """kill -9 to the app alone. The exit code of make."""
        for one in self._hosts():
            one.kill()
        assert self.process
        return self.process.wait(60)

    def _hosts(self) -> list[psutil.Process]:
        children = psutil.Process(self.facts["pid"]).children()
        hosts = [one for one in children if "local.host" in one.cmdline()]
        assert hosts
        return hosts

    def fails(self) -> str:
        """Type `make start`, expecting it not to start; everything it said."""
        self.launch()
        assert self.process
        assert self.process.wait(_PATIENCE) != 0
        return self.log()

    def log(self) -> str:
        """Everything that was said since the state was made."""
        return self._log.read_text(errors="replace")

    def nothing_is_left(self) -> bool:
        """Whether nothing runs any more of what it started."""
        return self.processes() == [] and not any(one.is_running() for one in self.started)

    def processes(self) -> list[str]:
        """Commands of the programs that run on this state."""
        commands = (" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"]))
        return [command for command in commands if str(self.state) in command]

    @property
    def _log(self) -> Path:
        return self.state.with_name(f"{self.state.name}.log")

    @property
    def _ready(self) -> Path:
        return self.state.with_name(f"{self.state.name}.ready")

    def _environ(self) -> dict[str, str]:
        ports = dict.fromkeys(("PORT", "AZURITE_PORT", "POSTGRES_PORT"), "0")
        return ports | {"STATE": str(self.state), "READY_FILE": str(self._ready), "FUNC": "0"}

    def _serves(self) -> bool:
        assert self.process
        assert self.process.poll() is None, self.log()
        return self._ready.exists()


@pytest.fixture(scope="session")
def first() -> Iterator[Belfry]:
    """A Belfry that was started for the first time, and stopped: its state, and what it said."""
    with scratch() as folder, running(Belfry(folder / "state")) as app:
        app.start()
        assert app.stop(signal.SIGINT) in (0, 2, -signal.SIGINT)
        yield app


@pytest.fixture(scope="package")
def belfry(first: Belfry) -> Iterator[Belfry]:
    """A running Belfry that all tests here share; they leave it running. It ends with them: it
    would tick beside all other tests."""
    with after(first) as app:
        app.start()
        yield app


@pytest.fixture
def launch(first: Belfry) -> Iterator[Belfry]:
    """A Belfry of the test's own that was started before, and is stopped."""
    with after(first) as app:
        yield app


@pytest.fixture
def fresh() -> Iterator[Belfry]:
    """A Belfry of the test's own, never started."""
    with scratch() as folder, running(Belfry(folder / "state")) as app:
        yield app


@contextlib.contextmanager
def after(first: Belfry) -> Iterator[Belfry]:
    """Another with the same state."""
    with scratch() as folder, running(Belfry(folder / "state")) as app:
        # With its owners: root's PostgreSQL is another user's.
        subprocess.run(["cp", "-a", first.state, app.state], check=True)
        yield app


@contextlib.contextmanager
def running(app: Belfry) -> Iterator[Belfry]:
    try:
        yield app
    finally:
        if app.process and app.process.poll() is None:
            app.stop()
