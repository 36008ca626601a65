"""How long a restore takes: what is in it, and what is learnt of each."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
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
from tests.clocks import SkippingClock
from tests.faults import FaultProxy, Refuse
from tests.integration.backups.faults.world import DAY, behind, job
from tests.integration.backups.setup import PRIMARY, Given, Meddled, Shelf

SLOW, NO_TIME = timedelta(minutes=1), timedelta()


class Busy(Meddled):
    """A source whose machine takes so much longer for a restore for good than for a proof."""

    def __init__(self, source: Any, clock: SkippingClock, longer: timedelta) -> None:
        super().__init__(source)
        self._clock = clock
        self._longer = longer

    def restore(self, chunks: Iterator[bytes], target: Target, job: JobContext) -> Restored:
        self._clock.skip(self._longer)
        return super().restore(chunks, target, job)


@pytest.fixture
def proxy(azurite: Azurite) -> Iterator[FaultProxy]:
    with FaultProxy(azurite.connection_string) as running:
        yield running


def test_reading_back_is_in_it_and_the_slowest_counts(shelf: Shelf, database: SqliteSource) -> None:
    """Though a night later it was faster."""
    clock = SkippingClock(-DAY)
    slow = Meddled(database, in_restore=lambda: clock.skip(SLOW))
    first = shelf.take(slow, replace(job("nightly:1"), clock=clock))
    assert first["restore_seconds"] >= SLOW.total_seconds() > first["read_seconds"] > 0
    second = shelf.take(database)
    assert second["restore_seconds"] >= second["read_seconds"] > 0
    found = slowest(shelf.backups())
    assert found is not None and found.restore_seconds == first["restore_seconds"]
    report = shelf.backups()[0].copies[0].reports[0]
    assert report.read_seconds == second["read_seconds"]


@pytest.mark.parametrize("longer", [NO_TIME, SLOW])
def test_a_restore_is_held_to_what_was_expected_and_is_learnt_from(
    shelf: Shelf, database: SqliteSource, caplog: pytest.LogCaptureFixture, longer: timedelta
) -> None:
    taken = shelf.take(database)
    clock = SkippingClock()
    source = Busy(database, clock, longer)
    asked = replace(job("restore"), clock=clock)
    order = RestoreOrder(backup_id=taken["id"])
    with caplog.at_level(logging.INFO):
        result = restore(Given(source), shelf.catalog, order, asked)
    assert result["expected_seconds"] == taken["restore_seconds"]
    told = [one for one in caplog.records if getattr(one, "event", "") == Event.RESTORE_TIME_WRONG]
    assert len(told) == (longer > NO_TIME)
    assert ("longer than" in str(result.get("time_was_wrong"))) == (longer > NO_TIME)
    (one,) = shelf.backups()
    assert one.verified, "that it was restored is no proof, and takes none away"
    last = one.copies[0].reports[-1]
    assert (last.outcome, last.restore_seconds) == (Outcome.RESTORED, result["restore_seconds"])
    slow = slowest([one])
    assert slow is not None
    if longer:
        assert slow.restore_seconds == result["restore_seconds"]
        clock.skip(DAY)
        again = restore(Given(source), shelf.catalog, order, asked)
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
