"""A post office of one's own: an outbox on real Azurite, vendors on a local port."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from local.azurite import Azurite
from shared.clock import ManualClock
from shared.notifications import channels
from shared.notifications.listing import Wanted
from shared.notifications.model import Entry, NotificationStatus
from shared.notifications.outbox import Outbox
from shared.notifications.service import Notifications
from shared.settings import Settings, from_env
from shared.storage.connect import Connection
from shared.storage.names import Names
from shared.storage.tables.table import Table
from tests.integration.notifications.vendors import Vendors, vendors

START = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
ANA, EUN = "ana@example.com", "eun-ji@example.com"
_prefixes = itertools.count()


@dataclass
class Office:
    """What one test sends from."""

    connection_string: str
    vendors: Vendors
    prefix: str = field(default_factory=lambda: f"post{next(_prefixes)}")
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    administrators: Sequence[str] = (ANA, EUN)

    def env(self, **changes: str) -> dict[str, str]:
        """The settings, as an environment."""
        base = {"AzureWebJobsStorage": self.connection_string, "BELFRY_PREFIX": self.prefix}
        return base | self.vendors.settings() | changes

    def settings(self, **changes: str) -> Settings:
        return from_env(self.env(**changes), channels=channels.declared())

    def outbox(self) -> Outbox:
        connection = Connection(self.settings().storage)
        return Outbox(connection, Names(self.prefix).notifications)

    def table(self) -> Table:
        return Connection(self.settings().storage).table(Names(self.prefix).notifications)

    def notifications(self, **changes: str) -> Notifications:
        """A process's own service; settings that are "" are not set."""
        return Notifications(
            self.outbox(),
            channels.senders(self.settings(**changes).channels),
            lambda: self.administrators,
            self.clock,
        )

    def all(
        self, status: NotificationStatus | None = None, channel: str | None = None
    ) -> list[Entry]:
        return self.outbox().page(Wanted(status=status, channel=channel), 1, 100)[0]

    def later(self, by: timedelta) -> list[Entry]:
        """Move the clock on and flush."""
        return self.notifications().flush(self.clock.advance(by))


@pytest.fixture
def office(azurite: Azurite) -> Iterator[Office]:
    with vendors() as running:
        yield Office(azurite.connection_string, running)
