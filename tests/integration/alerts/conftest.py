"""An app on real Azurite, a chat on a local port, and a company with an administrator."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from local.azurite import Azurite
from shared.alerts.service import Alerts
from shared.notifications.model import Entry
from tests.context import job_of
from tests.integration.engine.conftest import Engine, make
from tests.integration.notifications.vendors import Vendors, settings_of, vendors

ANA = "ana@example.com"
_prefixes = itertools.count()


@dataclass
class Desk:
    """An app, and what people were told by it."""

    azurite: Azurite
    engine: Engine
    environ: dict[str, str]
    vendors: Vendors

    @property
    def alerts(self) -> Alerts:
        return self.engine.app.alerts()

    def another(self) -> Desk:
        """Another process's app on the same tables, by the same time."""
        prefix = self.engine.app.settings.prefix
        engine = make(
            self.azurite, prefix, clock=self.engine.clock, environ=self.environ, prepared=True
        )
        return Desk(self.azurite, engine, self.environ, self.vendors)

    def later(self, **by: float) -> datetime:
        return self.engine.clock.advance(timedelta(**by))

    def watch(self) -> object:
        return self.alerts.watch(job_of(clock=self.engine.clock))

    def run(self, minutes: int) -> None:
        """Let time pass, with the monitor every five minutes."""
        for _ in range(minutes // 5):
            self.later(minutes=5)
            self.watch()

    def entries(self, channel: str | None = None) -> list[Entry]:
        """What is in the outbox, oldest first."""
        found, total = self.engine.app.notifications().page(None, channel, 1, 100)
        assert total <= 100
        return found[::-1]

    def said(self, channel: str = "slack") -> list[str]:
        """The subjects, oldest first."""
        return [one.subject for one in self.entries(channel)]


@pytest.fixture
def post() -> Iterator[Vendors]:
    with vendors() as running:
        yield running


@pytest.fixture
def company(tmp_path: Path) -> Path:
    path = tmp_path / "company.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, role TEXT)")
        connection.execute("INSERT INTO users (email, role) VALUES (?, 'system_admin')", (ANA,))
        connection.commit()
    return path


def desk_of(azurite: Azurite, post: Vendors, company: Path, **environ: str) -> Desk:
    given = {
        "DATABASE_PATH": str(company),
        **settings_of(["slack", "mail"], post.url),
        **environ,
    }
    prefix = f"alerts{next(_prefixes)}"
    return Desk(azurite, make(azurite, prefix, environ=given), given, post)


@pytest.fixture
def desk(azurite: Azurite, post: Vendors, company: Path) -> Desk:
    return desk_of(azurite, post, company)
