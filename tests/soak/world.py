"""The world of the soak: a clock that runs fast, an app on it, and schedules by the hundred.

All processes share one beginning (`Setup.began`), so they read the same time.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import shared.app.stores
from local.ports import HOST
from shared.app import App
from shared.schedules.model import Definition, Policy, Schedule, Version
from shared.settings import from_env
from shared.storage.queues.jobs import JobQueue, Message, Sent
from shared.storage.tables.changes import Change
from tests.soak import breaks
from tests.soak.pace import Pace
from tests.soak.tasks import registry
from tests.soak.traces import Traces

_SECRETS_KEY = base64.b64encode(bytes(32)).decode()
_PAGE = 20
"""A shard of more schedules has a snapshot. In service a thousand, more than the soak has."""
BASE = datetime(2026, 11, 1, 5, 10, tzinfo=UTC)
"""In New York the clocks go back at 06:00, in Denver November begins then."""


class FastClock:
    """`began`: when it was `BASE`, on the machine's monotonic clock.

    `monotonic` counts seconds of life: what it measures is work, which is as slow as ever.
    """

    def __init__(self, began: float, pace: Pace) -> None:
        self._began = began
        self._pace = pace

    def now(self) -> datetime:
        return BASE + self._pace.fast(time.monotonic() - self._began)

    def wait(self, event: threading.Event, longest: timedelta) -> bool:
        return event.wait(self._pace.life(longest))

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, duration: timedelta) -> None:
        time.sleep(self._pace.life(duration))


def _fast_queue(pace: Pace) -> type[JobQueue]:
    """Storage counts in seconds of life for how long a message cannot be seen."""

    class FastQueue(JobQueue):
        def send(self, message: Message, visible_at: datetime, now: datetime | None = None) -> Sent:
            sent = now or message.sent_at
            wait = timedelta(seconds=max(0.0, pace.life(visible_at - sent)))
            placed = message if message.at is not None else replace(message, at=visible_at)
            return super().send(placed, sent + wait, sent)

    return FastQueue


@dataclass(frozen=True, kw_only=True, slots=True)
class Setup:
    """What a host is told."""

    connection_string: str
    prefix: str
    began: float
    folder: Path
    factor: int = 48
    """Seconds of the clock in one of life."""
    hands: int = 64
    """Jobs of each kind that run at once in a host: as many as in service."""
    long_hands: int = 64
    api: bool = False
    """Whether hosts answer the API too."""
    break_engine: str = ""
    """To see the soak fail: one of `breaks.BREAKS`."""

    @property
    def pace(self) -> Pace:
        return Pace(self.factor)

    @property
    def clock(self) -> FastClock:
        return FastClock(self.began, self.pace)


def app(setup: Setup, traces: Traces | None = None) -> App:
    """An app on the fast clock, not prepared. Without traces it runs no jobs."""
    setup.pace.stretch()
    patched: Any = shared.app.stores
    patched.JobQueue = _fast_queue(setup.pace)
    configured = from_env(
        {
            "AzureWebJobsStorage": setup.connection_string,
            "BELFRY_PREFIX": setup.prefix,
            "SCHEDULE_SHARDS": "4",
            "JOBS_PER_INSTANCE": str(setup.hands),
            "LONG_JOBS_PER_INSTANCE": str(setup.long_hands),
            "JOBS_PER_PROJECT": "6",
            "OUTGOING_RANGES": HOST,
            "SECRETS_KEY": _SECRETS_KEY,
        }
    )
    traced = traces or Traces(setup.folder, setup.clock)
    made = shared.app.build(
        configured,
        setup.clock,
        tasks=registry(traced, setup.factor),
        lease=setup.pace.lease,
    )
    made.listing.page = _PAGE
    if setup.break_engine:
        breaks.apply(setup.break_engine, made)
    if traces is not None:
        traces.watch(made)
    return made


def add(calm: App, wanted: Iterable[tuple[str, Definition, Policy]]) -> list[Schedule]:
    """Create schedules of these ids in few transactions; the next tick hands out what is near."""
    now = calm.clock.now()
    made: list[Schedule] = []
    for name, definition, policy in wanted:
        one = Schedule(
            id=name, definition=definition, policy=policy, created_at=now, updated_at=now
        )
        made.append(one.rescheduled(now))
    _commit(calm, [Change(None, one, versions=(Version.of(one, now, "created"),)) for one in made])
    return made


def _commit(calm: App, changes: Sequence[Change]) -> None:
    won = calm.table.commit(changes)
    taken = [one.after.id for one, made in zip(changes, won, strict=True) if not made]
    assert not taken, f"there are schedules {taken} already"
