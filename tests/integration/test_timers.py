"""What a timer of the local host remembers, on a real and empty Azurite."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from local import azurite
from local.host.storage import Account
from local.host.timers import Monitor, Status

NINE = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
TIMERS = 16


def test_timers_that_begin_at_once_on_an_empty_account_all_remember(tmp_path: Path) -> None:
    status = Status(NINE, NINE + timedelta(hours=1), NINE)
    together = threading.Barrier(TIMERS)

    def begin(number: int) -> Status | None:
        monitor = Monitor(Account(running.connection_string), "host", f"timer{number}")
        together.wait(20)
        monitor.write(status)
        return monitor.read()

    with azurite.start(tmp_path) as running, ThreadPoolExecutor(TIMERS) as pool:
        assert list(pool.map(begin, range(TIMERS))) == [status] * TIMERS
