"""Counts the requests that a process answers, and adds up what all processes answered.

A process keeps a minute's figures in memory, and writes them once the minute is over, after one of
its next invocations: one row for each minute in which it answered something, in the table's
partition `meta` (which no state backup copies): `traffic:{minute}:{process}`. So a process that is
killed loses at most its last minute, and a request pays for no write of its own.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from shared.clock import Clock
from shared.errors import BelfryError
from shared.jobs.totals import Histogram
from shared.log import Event, event
from shared.scaling.measures import BOUNDS, MINUTES, Minute
from shared.storage.cancellation import HASTE
from shared.storage.failures import translated
from shared.storage.tables import row_keys
from shared.storage.tables.batch import MAX_OPERATIONS, Delete, Upsert, literal
from shared.storage.tables.facts import META
from shared.storage.tables.table import Table

KEPT = timedelta(hours=1)
"""After which rows are removed."""
LAG = timedelta(minutes=1)
"""The last whole minute is not judged yet: processes may still be about to write it."""
_MINUTE = timedelta(minutes=1)
_AT_ONCE = 20_000
"""Rows that one call removes at most; in five minutes, a thousand instances make a quarter of them.
"""
_UNWRITTEN = 10
"""So many minutes a process keeps besides the present one, while storage is away."""
_SERVICE = "table storage"
_ROW = "traffic:"
_STAMP = "%Y%m%dT%H%MZ"
_logger = logging.getLogger("belfry.scaling")


class Traffic:
    """What this process answered, and what all did. Several threads may use it at once."""

    def __init__(self, table: Table, clock: Clock, *, on: bool = True) -> None:
        """`on`: whether anything is counted."""
        self._table = table
        self._clock = clock
        self._on = on
        self._process = secrets.token_hex(4)
        self._lock = threading.Lock()
        self._minutes: dict[datetime, Minute] = {}
        self._tried: datetime | None = None

    def count(self, seconds: float) -> None:
        """A request was answered, and took so long."""
        if not self._on:
            return
        with self._lock:
            at = _minute(self._clock.now())
            self._minutes[at] = self._minutes.get(at, Minute()).with_request(seconds)
            self._trim()

    def write(self) -> None:
        """Write the minutes that are over, if there are any. Never fails: what could not be written
        is logged, and tried again a minute later."""
        done = self._over()
        if not done:
            return
        try:
            steps = [Upsert(self._key(at), _row(one)) for at, one in done.items()]
            with translated(_SERVICE):  # in haste: a request has been answered, and waits for this
                self._table.transact(META, steps, **HASTE)
        except BelfryError as error:
            event(_logger, Event.TRAFFIC_UNWRITTEN, level=logging.WARNING, error=str(error))
            self._keep(done)

    def minutes(self, now: datetime) -> list[Minute]:
        """What all processes answered in the last whole minutes, the oldest first. Raises
        `Unavailable` or `Refused` if storage fails."""
        end = _minute(now) - LAG
        found = {end - _MINUTE * back: Minute() for back in range(MINUTES, 0, -1)}
        for at, one in self._rows(min(found), end):
            if at in found:
                found[at] = found[at].with_all(one)
        return list(found.values())

    def forget(self, now: datetime) -> int:
        """Remove old rows, and those of a future that only a wrong clock has seen; how many. What
        piled up while nobody did is removed in several calls. Raises `Unavailable` or `Refused` if
        storage fails."""
        old = f"RowKey lt {literal(f'{_ROW}{now - KEPT:{_STAMP}}')}"
        ahead = f"RowKey gt {literal(f'{_ROW}{now + KEPT:{_STAMP}}')}"
        with translated(_SERVICE):
            rows = self._table.query(f"{_all()} and ({old} or {ahead})", select=["RowKey"])
            keys = [row["RowKey"] for row in islice(rows, _AT_ONCE)]
            for start in range(0, len(keys), MAX_OPERATIONS):
                # refused if another run was faster, which has removed them then
                self._table.transact(META, [Delete(key) for key in keys[start:][:MAX_OPERATIONS]])
        return len(keys)

    def _over(self) -> dict[datetime, Minute]:
        """The minutes that are to be written now; the caller writes them, or gives them back."""
        with self._lock:
            now = _minute(self._clock.now())
            done = {at: one for at, one in self._minutes.items() if at != now}
            if not done or self._tried == now:
                return {}
            self._tried = now
            self._minutes = {at: one for at, one in self._minutes.items() if at == now}
            return done

    def _keep(self, minutes: Mapping[datetime, Minute]) -> None:
        with self._lock:
            for at, one in minutes.items():
                self._minutes[at] = self._minutes.get(at, Minute()).with_all(one)
            self._trim()

    def _trim(self) -> None:
        """Drop the oldest, if storage is away, or if no invocation does what writes them."""
        while len(self._minutes) > 1 + _UNWRITTEN:
            del self._minutes[min(self._minutes)]

    def _rows(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, Minute]]:
        """(minute, one process's figures) of the minutes from `start` to before `end`; rows that
        cannot be read are left out."""
        span = f"RowKey ge {literal(f'{_ROW}{start:{_STAMP}}')}"
        span += f" and RowKey lt {literal(f'{_ROW}{end:{_STAMP}}')}"
        with translated(_SERVICE):
            for row in self._table.query(f"PartitionKey eq '{META}' and {span}"):
                try:
                    yield _read(row)
                except (ValueError, LookupError, TypeError, AttributeError):
                    continue

    def _key(self, at: datetime) -> str:
        return f"{_ROW}{at:{_STAMP}}:{self._process}"


def _all() -> str:
    return row_keys.of(META, row_keys.beginning(_ROW))


def _minute(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)


def _row(one: Minute) -> dict[str, Any]:
    counts = (f"{at}={count}" for at, count in enumerate(one.latency.counts) if count)
    return {
        "requests": one.requests,
        "latency": " ".join(counts),
        "seconds": f"{one.latency.total:.3f}",
    }


def _read(row: Mapping[str, Any]) -> tuple[datetime, Minute]:
    _, stamp, _ = str(row["RowKey"]).split(":")
    counts = [0] * (len(BOUNDS) + 1)
    for part in row["latency"].split():
        at, _, count = part.partition("=")
        counts[int(at)] = int(count)
    latency = Histogram(tuple(counts), float(row["seconds"]))
    return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC), Minute(
        int(row["requests"]), latency
    )
