"""The deployed app, running: the local host, with the app in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from local import child, ports
from tests.integration.rehearsal.deployed import REPO
from tests.waiting import until

_PATIENCE = 60.0
QUEUES = "AzureFunctionsJobHost__extensions__queues__"


@dataclass
class Site:
    """One deployed app, with its settings and none of this machine's."""

    folder: Path
    settings: Mapping[str, str]
    log: Path
    port: int = field(default_factory=lambda: ports.free(1)[0])
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> float:
        """Start it, and wait until it serves: so many seconds."""
        began = time.monotonic()
        command = [sys.executable, "-m", "local.host", str(self.folder), "--apart"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port)],
                cwd=REPO,
                env=self._environ(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until(self._serves, _PATIENCE)
        return time.monotonic() - began

    def stop(self) -> int:
        """Tell it to end, as the platform does; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_PATIENCE)
        finally:
            child.stop(self.process)

    def kill(self) -> None:
        """End it now, whatever it waits for."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Ask the app for something."""
        return httpx.request(method, self.url + path, json=body, timeout=60)

    def said(self) -> str:
        """All that it logged."""
        return self.log.read_text(errors="replace")

    def _serves(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.said()
        return ports.answers(self.port)

    def _environ(self) -> dict[str, str]:
        """What any Linux process has, what the platform sets for every app, and the settings."""
        platform = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.folder.parent),
            "LANG": "C.UTF-8",
            "WEBSITE_SITE_NAME": "func-belfry-rehearsal",
            "PYTHON_THREADPOOL_THREAD_COUNT": "32",
            f"{QUEUES}maxPollingInterval": "00:00:00.200",
        }
        return platform | dict(self.settings)
