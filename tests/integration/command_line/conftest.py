"""The command line as people type it, against a real app on a real socket."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from typer import testing
from typer.main import get_command
from typer.testing import CliRunner

from belfry.client import Client
from belfry.main import app as commands
from belfry.profile import Where
from belfry.session import Session
from local.azurite import Azurite
from local.ports import HOST
from shared.access import LOCAL, Role
from shared.api.site import site
from shared.tasks import JobContext, Params, Result, task
from tests.integration.engine.conftest import Engine, make, tap
from tests.served import api

_command = functools.cache(get_command)
"""Made once: to make it takes longer than most commands do."""


@dataclass
class Shell:
    """Where people type. `keys`: of the environment."""

    engine: Engine
    url: str
    folder: Path
    keys: dict[str, str] = field(default_factory=dict)

    def type(self, *words: str, given: str | None = None) -> testing.Result:
        """The result of `belfry WORDS`."""
        environ = {"BELFRY_URL": self.url, "BELFRY_CONFIG": str(self.folder / "none"), **self.keys}
        waiting = Session(sleep=lambda _: self.work())
        return CliRunner().invoke(commands, list(words), input=given, env=environ, obj=waiting)

    def work(self) -> None:
        """What happens while a command waits."""
        self.engine.work()

    def right(self, *words: str, given: str | None = None) -> str:
        """What it says on its standard output."""
        result = self.type(*words, given=given)
        assert result.exit_code == 0, (words, result.output, result.exception)
        return result.stdout

    def told(self, *words: str) -> Any:
        """The JSON that it says."""
        return json.loads(self.right(*words, "--json"))

    def wrong(self, code: int, *words: str) -> str:
        """What it says on its error stream, ending with that code."""
        result = self.type(*words)
        assert result.exit_code == code, (words, result.output, result.exception)
        return result.stderr

    def api(self, method: str, path: str, **body: Any) -> Any:
        """The answer of the API itself."""
        key = self.keys.get("BELFRY_KEY")
        client = Client(Where(url=self.url, key=key), sleep=lambda _: None)
        try:
            return client.ask(method, path, body=body).body
        finally:
            client.close()

    def file(self, text: str, name: str = "belfry.yaml") -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def key(self, role: Role, *projects: int) -> str:
        return self.engine.app.keys.create(LOCAL, "Ana", role, frozenset(projects) or None).text


@task("theirs", for_projects=True)
def theirs(job: JobContext, params: Params) -> Result:
    """What callers of some projects may use."""
    return {}


@pytest.fixture
def shell(azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    monkeypatch.setattr(testing, "_get_command", _command)
    engine = make(azurite, tasks=[theirs])
    tap(engine)
    parts: dict[bool, Any] = {True: api(lambda: engine.app), False: site(lambda: engine.app)}

    async def whole(scope: Any, receive: Any, send: Any) -> None:
        await parts[scope["path"].startswith("/api/")](scope, receive, send)

    config = uvicorn.Config(
        whole, host=HOST, port=0, log_config=None, lifespan="off", ws="none", access_log=False
    )
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    yield Shell(engine, f"http://{HOST}:{listener.getsockname()[1]}", tmp_path)
    server.should_exit = True
    thread.join(10)
    listener.close()
    engine.calls.hold.set()
