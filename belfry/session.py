"""What the options before a command say, for the command: a client, and a screen."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

import typer

from belfry import profile
from belfry.client import Client
from belfry.profile import Asked
from belfry.screen import Screen

AsJson = Annotated[bool, typer.Option("--json", help="The API's own JSON, for scripts.")]
Limit = Annotated[int, typer.Option(min=1, help="How many to show at most.")]
Every = Annotated[bool, typer.Option("--all", help="All, however many; no limit.")]


@dataclass
class Session:
    """One call of the command line."""

    asked: Asked = field(default_factory=Asked)
    timeout: float = 30.0
    sleep: Callable[[float], None] = time.sleep
    measured: Callable[[], float] = time.monotonic
    _client: Client | None = None

    @property
    def client(self) -> Client:
        """Made when it is first needed, so that help needs no key. Raises `Failure`."""
        if self._client is None:
            where = profile.find(self.asked, os.environ)
            self._client = Client(where, sleep=self.sleep, timeout=self.timeout)
        return self._client

    def now(self) -> datetime:
        return datetime.now(UTC)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()


def of(context: typer.Context) -> Session:
    """The session of a command."""
    found = context.find_root().obj
    assert isinstance(found, Session)  # noqa: S101 (for the type checker)
    return found


def client(context: typer.Context) -> Client:
    return of(context).client


def screen(as_json: bool = False) -> Screen:
    return Screen(json=as_json)
