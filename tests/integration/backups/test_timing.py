"""How long a restore takes: what is in it, and what is learnt of each."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from local.azurite import Azurite
from shared.backups.jobs.restore import restore
from shared.backups.model import Outcome
from shared.backups.params import RestoreOrder
from shared.backups.rules.restore_time import slowest
from shared.backups.source import Restored, Target
from shared.backups.sqlite.source import SqliteSource
from shared.log import Event
from shared.tasks.context import JobContext
from tests.faults import FaultProxy, Refuse
from tests.integration.backups.faults.world import DAY, behind, job
from tests.integration.backups.setup import PRIMARY, Given, Meddled, Shelf

SLOW = 1.0


def slowly() -> None:
    time.sleep(SLOW)


class Busy(Meddled):
    """A source whose machine takes so much longer for a restore for good than for a proof."""

    def __init__(self, source: Any, seconds: float) -> None:
        super().__init__(source)
        self._seconds = seconds

    def restore(self, chunks: Iterator[bytes], target: Target, job: JobContext) -> Restored:
        time.sleep(self._seconds)
        return super().restore(chunks, target, job)


@pytest.fixture
def proxy(azurite: Azurite) -> Iterator[FaultProxy]:
    with FaultProxy(azurite.connection_string) as running:
        yield running


def test_reading_back_is_in_it_and_the_slowest_counts(shelf: Shelf, database: SqliteSource) -> None:
    """Though a night later it was faster."""
    slow = Meddled(database, in_restore=slowly)
    first = shelf.take(slow, job("nightly:1", by=-DAY))
    assert first["restore_seconds"] >= SLOW > first["read_seconds"] > 0
    second = shelf.take(database)
    assert second["restore_seconds"] >= second["read_seconds"] > 0
    found = slowest(shelf.backups())
    assert found is not None and found.restore_seconds == first["restore_seconds"]
    report = shelf.backups()[0].copies[0].reports[0]
    assert report.read_seconds == second["read_seconds"]


@pytest.mark.parametrize("seconds", [0.0, 8.0])
def test_a_restore_is_held_to_what_was_expected_and_is_learnt_from(
    shelf: Shelf, database: SqliteSource, caplog: pytest.LogCaptureFixture, seconds: float
) -> None:
    taken = shelf.take(database)
    source = Busy(database, seconds)
    order = RestoreOrder(backup_id=taken["id"])
    with caplog.at_level(logging.INFO):
        result = restore(Given(source), shelf.catalog, order, job("restore"))
    assert result["expected_seconds"] == taken["restore_seconds"]
    told = [one for one in caplog.records if getattr(one, "event", "") == Event.RESTORE_TIME_WRONG]
    assert len(told) == (seconds > 0)
    assert ("longer than" in str(result.get("time_was_wrong"))) == (seconds > 0)
    (one,) = shelf.backups()
    assert one.verified, "that it was restored is no proof, and takes none away"
    last = one.copies[0].reports[-1]
    assert (last.outcome, last.restore_seconds) == (Outcome.RESTORED, result["restore_seconds"])
    slow = slowest([one])
    assert slow is not None
    if seconds:
        assert slow.restore_seconds == result["restore_seconds"]
        again = restore(Given(source), shelf.catalog, order, job("restore", by=DAY))
        assert "time_was_wrong" not in again


def test_a_restore_is_done_though_its_time_cannot_be_noted(
    shelf: Shelf, database: SqliteSource, proxy: FaultProxy
) -> None:
    taken = shelf.take(database)
    proxy.rules.add(Refuse(403, "AuthorizationPermissionMismatch"), method="PUT")
    asked = job("restore")
    order = RestoreOrder(backup_id=taken["id"])
    assert restore(Given(database), behind(shelf, proxy).catalog, order, asked)["rows"] == 1060
    assert "the time was not noted" in asked.log.text()
    assert shelf.states() == [{PRIMARY: "verified"}]
