"""A destination that is dead keeps nobody waiting who looks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from local.azurite import Azurite
from tests.faults import FaultProxy, Reset
from tests.integration.backups.watch.setup import START, WatchedEngine, numbers


def test_who_reads_does_not_wait_again_for_a_destination_that_is_dead(
    azurite: Azurite, staff: Path
) -> None:
    with FaultProxy(azurite.connection_string) as proxy:
        engine = WatchedEngine(
            azurite,
            staff,
            BACKUP_DESTINATIONS="offsite",
            BACKUP_OFFSITE_STORAGE=proxy.connection_string,
            BACKUP_OFFSITE_CONTAINER=f"offsite{next(numbers)}",
        )
        service = engine.app.backups()
        away = proxy.rules.add(Reset(), operation="list")
        for seconds, asked in ((0, 3), (59, 3), (60, 6)):
            engine.clock.set(START + timedelta(seconds=seconds))
            assert list(service.look().away) == ["offsite"]
            assert away.fired == asked
