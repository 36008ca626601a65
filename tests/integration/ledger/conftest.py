"""An engine with the reconciler among its tasks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from shared.storage.tables.batch import Delete, Operation
from tests import sdk
from tests.integration.engine.conftest import Engine, make, tap

__all__ = ["engine", "write"]


@pytest.fixture
def engine(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("AzureWebJobsStorage", azurite.connection_string)
    from functions.operations.schedule_reconciler import schedule_reconciler

    own = {"SCHEDULE_RECONCILER_ENABLED": "false"}
    made = make(azurite, tasks=[schedule_reconciler], environ=own)
    tap(made)
    yield made
    made.calls.hold.set()


def write(engine: Engine, schedule_id: str, operation: Operation) -> None:
    """Write to the table behind the engine's back."""
    table = sdk.table(engine.app)
    shard = engine.app.table.shard(schedule_id)
    if isinstance(operation, Delete):
        table.delete_entity(shard, operation.key)
    else:
        table.upsert_entity(
            {"PartitionKey": shard, "RowKey": operation.key, **operation.properties}
        )
