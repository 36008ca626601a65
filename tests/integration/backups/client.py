"""The API of backups as tests ask it: over an app of its own, with a small SQLite company."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from azure.storage.blob import ContainerClient

import functions
from local.azurite import Azurite
from shared.app import App
from shared.schedules.job import Job
from shared.storage.blobs.container import Container
from shared.tasks import Task
from tests import described
from tests.integration.engine.conftest import START, Engine, make, tap
from tests.served import Served, api

ROWS = 500
TABLES = {"users": ROWS, "pets": 3}
TASKS = ("backup", "backup_verify", "backup_restore", "database_backup", "weekly_backup")
PLAN = {"name": "nightly", "frequency": "daily", "schedule_time": "13:00", "source": "database"}


@dataclass
class Client:
    """An app, its API, and what lies in storage."""

    engine: Engine
    file: Path
    word: str
    connection_string: str

    @property
    def app(self) -> App:
        return self.engine.app

    @cached_property
    def api(self) -> Served:
        return api(lambda: self.app)

    def ask(
        self,
        method: str,
        path: str,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        **params: Any,
    ) -> httpx.Response:
        """The answer, which is one that the description has; `path` follows /api/v1."""
        named = {"from" if name == "since" else name: value for name, value in params.items()}

        async def answered() -> httpx.Response:
            transport = httpx.ASGITransport(self.api)
            async with httpx.AsyncClient(transport=transport, base_url="http://belfry") as client:
                return await client.request(
                    method, f"/api/v1{path}", json=json, params=named, headers=headers
                )

        answer = asyncio.run(answered())
        _held()(answer)
        return answer

    def told(self, method: str, path: str, json: Any = None, **params: Any) -> dict[str, Any]:
        """What a request that is right is answered with."""
        answer = self.ask(method, path, json, **params)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def problem(
        self, status: int, method: str, path: str, json: Any = None, **params: Any
    ) -> dict[str, Any]:
        """The problem document that a request is refused with."""
        answer = self.ask(method, path, json, **params)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        found: dict[str, Any] = answer.json()
        return found

    def plan(self, **fields: Any) -> dict[str, Any]:
        return self.told("POST", "/backups/plans", PLAN | fields)

    def done(self, asked: dict[str, Any], status: str = "succeeded") -> Job:
        """The job that was asked for, when it has ended so."""
        self.engine.work()
        job = self.app.manager.job(asked["job_id"])
        assert job.status.value == status, job
        return job

    def taken(self, plan: dict[str, Any]) -> dict[str, Any]:
        """One more backup by a plan of one source."""
        self.engine.later(180)
        job = self.done(self.told("POST", f"/backups/plans/{plan['schedule_id']}/run"))
        done: Any = job.result
        (one,) = done["backups"]
        return self.told("GET", f"/backups/{one['id']}")

    def sql(self, statement: str, file: Path | None = None) -> list[Any]:
        with closing(sqlite3.connect(file or self.file)) as connection:
            found = connection.execute(statement).fetchall()
            connection.commit()
        return found

    def container(self, name: str = "primary") -> ContainerClient:
        return ContainerClient.from_connection_string(self.connection_string, f"{self.word}{name}")

    def away(self) -> None:
        """From now on nobody listens where the destination `offsite` was."""
        parts = dict(part.split("=", 1) for part in self.connection_string.split(";") if part)
        parts["BlobEndpoint"] = f"http://127.0.0.1:9/{parts['AccountName']}"
        text = ";".join(f"{name}={value}" for name, value in parts.items())
        nowhere = ContainerClient.from_connection_string(text, "nowhere", retry_total=0)
        self.app.backups().catalog["offsite"]._container = Container(lambda: nowhere)


@cache
def _held() -> Callable[[httpx.Response], None]:
    """Fails at an answer that the description does not have, which is the same for every app."""
    return described.check(api(lambda: pytest.fail("not asked for")).openapi())


@contextmanager
def opened(
    azurite: Azurite, folder: Path, more: Sequence[Task] = (), /, **environ: str
) -> Iterator[Client]:
    """A client of an app with the destinations `primary` and `offsite`, and with more tasks."""
    file = folder / "company.db"
    if not file.exists():
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
            connection.execute("CREATE TABLE pets (name TEXT)")
            connection.executemany(
                "INSERT INTO users (name) VALUES (?)", [(f"user {n}",) for n in range(ROWS)]
            )
            connection.executemany("INSERT INTO pets VALUES (?)", [("cat",), ("dog",), ("emu",)])
            connection.commit()
    word = environ.pop("WORD", f"d{uuid4().hex[:10]}")
    own = {
        "DATABASE_PATH": str(file),
        "BACKUP_CONTAINER": f"{word}primary",
        "BACKUP_DESTINATIONS": "offsite",
        "BACKUP_OFFSITE_CONTAINER": f"{word}offsite",
    }
    tasks = [*more, *(one for one in functions.tasks() if one.name in TASKS)]
    engine = make(azurite, environ=own | environ, tasks=tasks)
    tap(engine)
    yield Client(engine, file, word, azurite.connection_string)


def at(minutes: float) -> datetime:
    """So long after the test's clock began."""
    return (START + timedelta(minutes=minutes)).astimezone(UTC)
