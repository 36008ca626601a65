"""Companies on both databases, the vendors that they know, and the process that forks those that
are killed."""

from __future__ import annotations

import itertools
import pkgutil
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

import shared
from local.azurite import Azurite
from local.postgres import Postgres
from shared.data.engines import Access, engine, parsed
from shared.settings import Secret
from tests.clocks import HastyClock
from tests.company import at
from tests.forked import NEEDED, Commands
from tests.integration.data.conftest import (
    empty,
    is_sqlite,
    postgres_template,
    sqlite_template,
    url,
)
from tests.integration.kills.company import Company
from tests.integration.kills.days import DAYS, know
from tests.integration.notifications.vendors import vendors
from tests.vendors import stripe
from tests.vendors.twilio import twilio

__all__ = ["empty", "founder", "postgres_template", "sqlite_template", "url", "victims"]

_numbers = itertools.count()
_LIBRARIES = (
    *("twilio.rest.api.v2010.account.message", "stripe", "sendgrid.helpers.mail", "jinja2"),
    *("phonenumbers", "sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql.psycopg"),
)


def _ours() -> list[str]:
    """All modules of the app; migrations cannot be imported by themselves."""
    there = pkgutil.walk_packages(shared.__path__, "shared.")
    return [one.name for one in there if ".migrations" not in one.name]


@pytest.fixture(scope="session")
def victims() -> Iterator[Commands]:
    """What runs `python -m tests.integration.kills`."""
    harness = ("tests.integration.kills.company", "tests.integration.kills.steps")
    made = Commands("tests.integration.kills", [*NEEDED, *_LIBRARIES, *_ours(), *harness])
    yield made
    made.close()


@dataclass
class Founder:
    """Makes companies that are alike, one after another."""

    begin: Secret
    """The database that each begins with."""
    postgres: Postgres | None
    storage: str
    folder: Path
    victims: Commands

    @contextmanager
    def company(self, task: str) -> Iterator[Company]:
        """One for that task, until the block ends."""
        number = next(_numbers)
        clock = HastyClock(DAYS[task].due_at)
        with (
            self._database(number) as url,
            twilio(clock.now) as texts,
            vendors() as mails,
            stripe.running() as bills,
        ):
            bills.now = clock.now
            know(bills)
            yield Company(
                url=url,
                prefix=f"kill{number}x",
                storage=self.storage,
                twilio=texts,
                sendgrid=mails,
                stripe=bills,
                clock=clock,
                folder=self.folder,
                commands=self.victims,
                task=task,
                due_at=DAYS[task].due_at,
            )

    @contextmanager
    def _database(self, number: int) -> Iterator[Secret]:
        if self.postgres is None:
            file = self.folder / f"{number}.db"
            shutil.copy(str(parsed(self.begin).database), file)
            yield at(file)
            return
        name, template = f"kills_{number}", parsed(self.begin).database
        engine(self.begin, Access.WRITE).dispose()  # nobody may be connected to what is copied
        with psycopg.connect(self.postgres.url("postgres"), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
            url = Secret(self.postgres.url(name))
            yield url
            engine(url, Access.WRITE).dispose()
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def founder(
    request: pytest.FixtureRequest,
    url: Secret,
    azurite: Azurite,
    tmp_path: Path,
    victims: Commands,
) -> Founder:
    """Companies whose database is that of `url`, as a test has filled it."""
    server = None if is_sqlite(url) else request.getfixturevalue("postgres")
    return Founder(url, server, azurite.connection_string, tmp_path, victims)
