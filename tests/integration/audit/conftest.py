"""An app with the audit's tasks, and hands that tamper with what it stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from local.azurite import Azurite
from shared.access import Caller, Role
from shared.audit.chain import Finding, Head
from shared.audit.service import AuditTrail
from shared.audit.walk import Verified
from shared.storage.names import Names
from shared.storage.tables.table import Table
from tests.context import job_of
from tests.integration.engine.conftest import Engine, make, tap

ANNA = Caller(name="anna", role=Role.OPERATOR, key_id="k1", address="192.0.2.7", request_id="req-1")
ADMIN = Caller(name="root", role=Role.ADMIN)


@dataclass
class Office:
    """An app, its audit, and what is stored of it."""

    engine: Engine

    @property
    def audit(self) -> AuditTrail:
        return self.engine.app.audit

    @property
    def table(self) -> Table:
        app = self.engine.app
        return app.connection.table(Names(app.settings.prefix).audit)

    def upkeep(self, days: float = 0) -> Mapping[str, object]:
        """What the task returns, after so many days."""
        self.engine.clock.advance(timedelta(days=days))
        return self.audit.upkeep(job_of(clock=self.engine.clock))

    def verified(self) -> Verified:
        return self.audit.verify()

    def findings(self) -> Sequence[Finding]:
        return self.verified().findings

    def rows(self) -> dict[str, dict[str, Any]]:
        """The rows of the chain, by key."""
        where = "PartitionKey eq 'chain'"
        return {row["RowKey"]: row for row in self.table.query(where)}

    def head(self) -> Head:
        stored = self.audit._table.stored()
        assert stored is not None
        return stored.head

    def changes(self, many: int) -> None:
        """A schedule, changed so often, and the changes in the chain."""
        made = self.engine.add()
        for number in range(many):
            self.engine.later(1)
            self.engine.app.manager.change(
                made.id,
                lambda one, n=number: replace(  # type: ignore[misc]
                    one, definition=replace(one.definition, name=f"name {n}")
                ),
                by=ANNA,
            )
        self.audit.chain()


@pytest.fixture
def office(azurite: Azurite) -> Iterator[Office]:
    engine = make(azurite)
    tap(engine)
    yield Office(engine)
    engine.calls.hold.set()
