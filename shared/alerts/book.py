"""The table of alerts. It has one partition, with these rows:

- `now:{digest}`: the alert of a kind and subject, while it is open and for a while after. Whoever
  changes it does so under its ETag, so of two processes at once one decides what is told.
- `past:{id}`: an alert that is history. Ids sort newest first.
- `event:{digest}:{hash of its key}`: an event that was counted, written in one transaction with its
  group, so that it counts once.
- `place:{hour}:{hash}`: what a destination was sent in an hour (`places`).
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from shared.alerts.model import Alert, digest_in
from shared.alerts.rows import properties, to_alert
from shared.errors import Damaged, NotFound
from shared.log import Event, event, instant
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.tables import row_keys
from shared.storage.tables.batch import Delete, Insert, Operation, Replace, Upsert, literal

_logger = logging.getLogger("belfry.alerts")

PARTITION = "alerts"
_SERVICE = "table storage"
_PAGE = 100


class Book:
    """The table, which is created when it is first used. Every method raises `Unavailable` or
    `Refused` if storage fails."""

    def __init__(self, connection: Connection, table: str) -> None:
        self._open = connection.made_when_used(table)

    def read(self, digest: str) -> Alert | None:
        """The current alert of that digest. If its row cannot be read, the row is removed, so that
        people are told of the problem anew."""
        row = self.row(f"now:{digest}")
        try:
            return None if row is None else to_alert(row)
        except Damaged as error:
            _tell(error)
            self.remove([f"now:{digest}"])
            return None

    def write(
        self, before: Alert | None, after: Alert, *, keys: Collection[str] = (), now: datetime
    ) -> Alert | None:
        """Write an alert; the alert as it was written. None if somebody changed it since `before`
        was read (None: there was none), or if one of the events with these `keys` was counted
        before.

        If `before` is another alert, it becomes history.
        """
        key, mark = f"now:{after.digest}", secrets.token_hex(6)
        row = properties(after) | {"mark": mark}
        steps: list[Operation] = [
            Insert(key, row) if before is None else Replace(key, before.etag, row)
        ]
        if before is not None and before.id != after.id:
            steps.append(Upsert(f"past:{before.id}", properties(before)))
        at = {"at": instant(now, "seconds")}
        steps += [Insert(_event_key(after, one), at) for one in keys]
        etag = self.change(steps, mark)
        return None if etag is None else replace(after, etag=etag)

    def counted(self, alert: Alert, keys: Collection[str]) -> set[str]:
        """Of the events with these keys, those that were counted before."""
        return {one for one in keys if self.row(_event_key(alert, one)) is not None}

    def archive(self, alert: Alert) -> bool:
        """Make an alert history; False if somebody changed it since it was read."""
        past = Upsert(f"past:{alert.id}", properties(alert))
        gone = Delete(f"now:{alert.digest}", alert.etag)
        return self.change([past, gone]) is not None

    def current(self) -> list[Alert]:
        """The alerts that are open, or were until a while ago, newest first."""
        rows = self.rows("now:")
        return sorted(_readable(rows), key=lambda one: one.id)

    def past(self, most: int) -> list[Alert]:
        """The newest alerts that are history, newest first."""
        return list(islice(_readable(self.rows("past:", top=min(most, _PAGE))), most))

    def get(self, alert_id: str) -> Alert:
        """One alert. Raises `NotFound`."""
        digest = digest_in(alert_id)
        if digest is not None:
            found = self.read(digest)
            if found is not None and found.id == alert_id:
                return found
            if (row := self.row(f"past:{alert_id}")) is not None:
                return to_alert(row)
        raise NotFound(f"there is no alert {alert_id:.60}")

    def forget(self, history: datetime, events: datetime, most: int = 5000) -> int:
        """Remove what is history since before `history`, and the keys of events that were counted
        before `events`, at most `most`; how many."""
        at = literal(instant(events, "seconds"))
        since = literal(history.astimezone(UTC).isoformat())
        old = [
            *(row["RowKey"] for row in islice(self.rows("event:", f" and at lt {at}"), most)),
            *(row["RowKey"] for row in islice(self.rows("past:", f" and since lt {since}"), most)),
        ][:most]
        for start in range(0, len(old), _PAGE):
            self.remove(old[start : start + _PAGE])
        return len(old)

    def remove(self, keys: Sequence[str]) -> None:
        """Remove rows; harmless for those that are gone."""
        if keys and self.change([Delete(key) for key in keys]) is None and len(keys) > 1:
            for key in keys:
                self.remove([key])

    def row(self, key: str) -> dict[str, Any] | None:
        with translated(_SERVICE):
            return self._open().get(PARTITION, key)

    def rows(self, prefix: str, more: str = "", *, top: int = 1000) -> Iterator[dict[str, Any]]:
        """The rows whose keys begin with `prefix`, which ends with `:`."""
        where = row_keys.of(PARTITION, row_keys.beginning(prefix)) + more
        with translated(_SERVICE):
            yield from self._open().query(where, top=top)

    def change(self, steps: Sequence[Operation], mark: str = "") -> str | None:
        """Do all steps, or none; the ETag of the first step's row, or None if they were not done.
        That row has the mark, by which a change whose answer was lost is recognised."""
        with translated(_SERVICE):
            outcome = self._open().transact(PARTITION, steps)
        if outcome.committed:
            return outcome.etags[0]
        row = self.row(steps[0].key) if outcome.retried and mark else None
        return str(row["etag"]) if row is not None and row.get("mark") == mark else None


def _event_key(alert: Alert, key: str) -> str:
    return f"event:{alert.digest}:{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def _readable(rows: Iterator[dict[str, Any]]) -> Iterator[Alert]:
    """The alerts in the rows. One that cannot be read must not hide the others."""
    for row in rows:
        try:
            yield to_alert(row)
        except Damaged as error:
            _tell(error)


def _tell(error: Damaged) -> None:
    event(_logger, Event.ALERT_UNREADABLE, level=logging.ERROR, error=str(error))
