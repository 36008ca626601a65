"""Timer triggers: when they fire, and what is remembered of it across restarts.

The real host keeps `{Last, Next, LastUpdated}` of each timer in a blob, written after each run.
When it starts and finds `Next` in the past it runs the function once, with `IsPastDue`, however
many occurrences were missed. A failed run is not repeated, and a run that takes longer than its
period makes the next ones fall out. Schedules faster than a minute have no such memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

from local.host import cron, settings
from local.host.cron import Schedule
from local.host.protos import TypedData
from local.host.storage import Account, account
from local.host.waiting import wait
from local.host.worker import Function, Invoker

logger = logging.getLogger("host")

NEVER = datetime(1, 1, 1, tzinfo=UTC)
_CONTAINER = "azure-webjobs-hosts"
_LONGEST_SLEEP = timedelta(seconds=30)
"""The wall clock may be set, and a machine may sleep; so look again this often."""


@dataclass(frozen=True, slots=True)
class Status:
    """What is remembered of a timer."""

    last: datetime
    next: datetime
    last_updated: datetime


def on_start(known: Status | None, schedule: Schedule, now: datetime) -> tuple[Status | None, bool]:
    """What to remember when the host starts, and whether a run is past due.

    A changed schedule does not count as missed: its next occurrence is looked for from now on.
    """
    coming = schedule.after(now)
    if known is None:
        return (Status(NEVER, coming, now) if coming else None), False
    expected = coming if known.last == NEVER else schedule.after(known.last)
    status = known
    if expected and expected != known.next:
        changed = coming if expected < now else expected
        status = Status(known.last, changed or expected, now)
    return status, now > known.next


def after_run(known: Status | None, schedule: Schedule, begun: datetime) -> Status | None:
    """What to remember after a run; a run that began early counts as its occurrence."""
    last = max(begun, known.next) if known and known.next - begun < _EARLY else begun
    following = schedule.after(last)
    return Status(last, following, last) if following else None


_EARLY = timedelta(seconds=1)


def is_too_fast(schedule: Schedule, now: datetime) -> bool:
    """Whether it comes more often than once a minute, so that the host remembers nothing."""
    at: datetime | None = now
    for _ in range(10):
        before, at = at, schedule.after(at or now)
        if at is None:
            return False
        if before and before != now and at - before < timedelta(minutes=1):
            return True
    return False


class Monitor:
    """The blob that remembers one timer."""

    def __init__(self, storage: Account, host_id: str, function: str) -> None:
        self._container = storage.container(_CONTAINER, retry_total=1)
        self._name = f"timers/{host_id}/Host.Functions.{function}/status"

    def read(self) -> Status | None:
        """None when there is no status, or one that cannot be read."""
        try:
            text = self._container.download_blob(self._name).readall()
        except ResourceNotFoundError:
            return None
        try:
            kept = json.loads(text)
            return Status(*(_instant(kept[key]) for key in ("Last", "Next", "LastUpdated")))
        except (ValueError, KeyError, TypeError):
            logger.warning(
                "the status of a timer cannot be read, so it starts anew: %s", self._name
            )
            return None

    def write(self, status: Status) -> None:
        if not self._container.exists():
            with contextlib.suppress(ResourceExistsError):  # another timer was faster
                self._container.create_container()
        self._container.upload_blob(self._name, json.dumps(_shown(status)), overwrite=True)


class Timer:
    """One timer function."""

    def __init__(
        self, worker: Invoker, function: Function, environ: Mapping[str, str], host_id: str
    ) -> None:
        self._worker = worker
        self.function = function
        self._schedule = cron.parse(settings.resolve(function.trigger["schedule"], environ))
        self._on_startup = bool(function.trigger.get("runOnStartup"))
        self._status: Status | None = None
        self._monitor: Monitor | None = None
        watched = function.trigger.get("useMonitor", True)
        if watched and not is_too_fast(self._schedule, datetime.now(UTC)):
            storage = account(settings.STORAGE, environ) or Account()
            self._monitor = Monitor(storage, host_id, function.name)

    async def run(self, stop: asyncio.Event) -> None:
        """Fire at each occurrence until `stop`."""
        past_due = await self._begin()
        if past_due or self._on_startup:
            await self._fire(past_due=past_due)
        now = datetime.now(UTC)
        while due := self._schedule.after(now):
            while (left := due - datetime.now(UTC)) > timedelta(0):
                if await wait(stop, min(left, _LONGEST_SLEEP)):
                    return
            if stop.is_set():
                return
            await self._fire(past_due=False)
            now = max(due, datetime.now(UTC))

    async def run_by_hand(self) -> None:
        """One run beside the schedule, which changes nothing of what is remembered."""
        await self._worker.invoke(self.function, self._payload(past_due=False))

    async def _begin(self) -> bool:
        if self._monitor is None:
            return False
        try:
            known = await asyncio.to_thread(self._monitor.read)
        except AzureError as error:
            logger.warning("%s: its status cannot be read: %s", self.function.name, error)
            return False
        self._status, past_due = on_start(known, self._schedule, datetime.now(UTC))
        if self._status and self._status != known:
            await self._remember(self._status)
        if past_due:
            logger.info("%s is past due, so it runs now", self.function.name)
            # The run gets to see what was due; the new occurrence is set after it.
            self._status = known
        return past_due

    async def _fire(self, *, past_due: bool) -> None:
        begun = datetime.now(UTC)
        await self._worker.invoke(self.function, self._payload(past_due=past_due))
        self._status = after_run(self._status, self._schedule, begun) if self._monitor else None
        if self._status:
            await self._remember(self._status)

    async def _remember(self, status: Status) -> None:
        if self._monitor is None:
            return
        try:
            await asyncio.to_thread(self._monitor.write, status)
        except AzureError as error:
            logger.warning("%s: its status cannot be kept: %s", self.function.name, error)

    def _payload(self, *, past_due: bool) -> TypedData:
        info = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": _shown(self._status) if self._status else None,
            "IsPastDue": past_due,
        }
        return TypedData(json=json.dumps(info))


def _shown(status: Status) -> dict[str, Any]:
    return {
        "Last": status.last.isoformat(),
        "Next": status.next.isoformat(),
        "LastUpdated": status.last_updated.isoformat(),
    }


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
