"""The outbox: a table that stores every notification before it is sent.

The table has one partition, with three kinds of rows:

- `message:{id}`: the notification. Ids sort newest first.
- `key:{digest}`: the id for a key, channel and recipient, which together identify a notification.
- `due:{instant}:{id}`: when a notification is due. So a flush costs as much as is due, and not as
  much as is stored.

The rows of a notification change together, in one transaction under the notification's ETag.

Before a sender sends a notification, it takes it for `HELD`. If the sender is killed after it has
sent the notification, but before it has recorded that, another sender takes the notification after
that time, and sends it again: better twice than never.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from shared.errors import Damaged, NotFound, Unavailable
from shared.log import Event, event, short
from shared.notifications.model import (
    ERROR,
    Draft,
    Entry,
    NotificationStatus,
    is_id,
    notification_id,
)
from shared.notifications.rows import (
    PARTITION,
    ROW,
    beginning,
    due_key,
    notification_key,
    properties,
    to_entry,
)
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.tables.batch import Delete, Insert, Merge, Operation, literal
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.table import Table

_logger = logging.getLogger("belfry.notifications")

HELD = timedelta(minutes=10)
"""How long a notification belongs to the sender that took it."""

_SERVICE = "table storage"
_PAGE = 200


class Outbox:
    """The outbox in one table, which is created when it is first used. Every method raises
    `Unavailable` or `Refused` if storage fails."""

    def __init__(self, connection: Connection, table: str) -> None:
        self._connection = connection
        self._table = connection.table(table)
        self._there = False

    def put(self, wanted: Draft, now: datetime, *, kept: str | None = None) -> tuple[Entry, bool]:
        """Store it, unless it is stored already; (the stored notification, whether it is new).

        `kept` says why it cannot be sent; None: it can be.
        """
        entry = Entry(
            key=wanted.key,
            channel=wanted.channel,
            recipient=wanted.recipient,
            subject=wanted.subject,
            text=wanted.text,
            id=notification_id(wanted.digest, now),
            status=NotificationStatus.QUEUED if kept is None else NotificationStatus.KEPT,
            error=kept,
            created_at=now,
            next_at=now if kept is None else None,
        )
        rows: list[Operation] = [
            Insert(f"key:{wanted.digest}", {"id": entry.id}),
            Insert(notification_key(entry.id), properties(entry)),
        ]
        if entry.next_at is not None:
            rows.append(Insert(due_key(entry.next_at, entry.id), {}))
        with translated(_SERVICE):
            done = self._open().transact(PARTITION, rows)
            if done.committed:
                return replace(entry, etag=done.etags[1]), True
            found = self._open().get(PARTITION, f"key:{wanted.digest}")
        if found is None:
            raise Unavailable(_SERVICE, f"the notification {wanted.key} was removed meanwhile")
        return self.get(found["id"]), False

    def claim(self, entry: Entry, now: datetime) -> Entry | None:
        """Take a notification for one attempt; None if it is not due, or somebody else has it."""
        if entry.next_at is None or entry.next_at > now:
            return None
        mine = replace(
            entry,
            status=NotificationStatus.SENDING,
            attempts=entry.attempts + 1,
            next_at=now + HELD,
            holder=secrets.token_hex(8),
            claimed_at=now,
        )
        written = self._change(entry, mine)
        if written is not None:
            return written
        # perhaps our own earlier write, whose answer was lost, is why this one was refused
        found = self.find(entry.id)
        return found if found is not None and found.holder == mine.holder else None

    def sent(self, entry: Entry, provider_id: str, now: datetime) -> Entry:
        """Record that it was sent, even if another sender has taken it over meanwhile."""
        done = replace(
            entry,
            status=NotificationStatus.SENT,
            error=None,
            provider_id=short(provider_id, 200) or None,
            sent_at=now,
            next_at=None,
        )

        def again() -> Entry | None:
            before = self.find(entry.id)
            if before is None or before.status is NotificationStatus.SENT:
                return before or entry
            return self._change(before, replace(done, attempts=before.attempts))

        busy = partial(Unavailable, _SERVICE)
        return self._change(entry, done) or compare_and_set(entry.id, again, error=busy)

    def failed(self, entry: Entry, error: str, again: datetime | None) -> Entry:
        """Record that the attempt failed, and when the next one is due; None: there is none."""
        said = short(error, ERROR)
        after = replace(entry, status=NotificationStatus.FAILED, error=said, next_at=again)
        return self._change(entry, after) or self.find(entry.id) or after

    def keep(self, entry: Entry, reason: str) -> Entry:
        """Record that it can no longer be sent."""
        after = replace(
            entry, status=NotificationStatus.KEPT, error=short(reason, ERROR), next_at=None
        )
        return self._change(entry, after) or self.find(entry.id) or after

    def due(self, now: datetime, most: int) -> list[Entry]:
        """At most `most` notifications that are due, starting with those that have waited
        longest."""
        until = due_key(now + timedelta(microseconds=1))
        wanted = f"{beginning('due:')} and RowKey lt {literal(until)}"
        found: list[Entry] = []
        with translated(_SERVICE):
            for row in self._open().query(wanted, top=most):
                key = notification_key(row["RowKey"].rpartition(":")[2])
                entry = _told(self._open().get(PARTITION, key))
                if entry is not None and entry.next_at is not None and entry.next_at <= now:
                    found.append(entry)
                if len(found) == most:
                    break
        return found

    def get(self, id: str) -> Entry:
        """One notification. Raises `NotFound`."""
        found = self.find(id) if is_id(id) else None
        if found is None:
            raise NotFound(f"there is no notification {id:.60}")
        return found

    def find(self, id: str) -> Entry | None:
        """One notification; None if there is none."""
        with translated(_SERVICE):
            row = self._open().get(PARTITION, notification_key(id))
        return None if row is None else to_entry(row)

    def page(
        self, status: NotificationStatus | None, channel: str | None, page: int, size: int
    ) -> tuple[list[Entry], int]:
        """(One page of the notifications, newest first; how many there are in total). Only the
        texts of that page are read."""
        wanted = beginning(ROW)
        if status is not None:
            wanted += f" and status eq {literal(status.value)}"
        if channel is not None:
            wanted += f" and channel eq {literal(channel)}"
        with translated(_SERVICE):
            rows = self._open().query(wanted, top=1000, select=("RowKey",))
            keys = [row["RowKey"] for row in rows]
            span = keys[(page - 1) * size : page * size]
            if not span:
                return [], len(keys)
            wanted += f" and RowKey ge {literal(span[0])} and RowKey le {literal(span[-1])}"
            found = [_told(row) for row in self._open().query(wanted, top=size)]
        return [one for one in found if one is not None], len(keys)

    def forget(self, before: datetime, most: int = 1000) -> int:
        """Remove finished notifications from before `before`, at most `most`; how many.

        A removed notification would be sent again if a caller asked for it again.
        """
        oldest = literal(notification_key(notification_id("", before)))
        wanted = f"{beginning(ROW)} and RowKey gt {oldest} and next_at eq ''"
        gone = 0
        with translated(_SERVICE):
            for row in self._open().query(wanted, top=_PAGE, select=("RowKey",)):
                key = row["RowKey"]
                both = [Delete(key, row["etag"]), Delete(f"key:{key.rpartition('-')[2]}")]
                gone += self._open().transact(PARTITION, both).committed
                if gone >= most:
                    break
        return gone

    def _change(self, before: Entry, after: Entry) -> Entry | None:
        """Write the notification, if nobody changed it since it was read; None if somebody did."""
        rows: list[Operation] = [Merge(notification_key(before.id), before.etag, properties(after))]
        if before.next_at != after.next_at:
            if before.next_at is not None:
                rows.append(Delete(due_key(before.next_at, before.id)))
            if after.next_at is not None:
                rows.append(Insert(due_key(after.next_at, after.id), {}))
        with translated(_SERVICE):
            done = self._open().transact(PARTITION, rows)
        return replace(after, etag=done.etags[0]) if done.committed else None

    def _open(self) -> Table:
        if not self._there:
            self._connection.create_table(self._table.name)
            self._there = True
        return self._table


def _told(row: Mapping[str, Any] | None) -> Entry | None:
    """The notification in a row; None if there is no row, or if it cannot be read: one damaged row
    must not stop the others."""
    try:
        return None if row is None else to_entry(row)
    except Damaged as error:
        event(_logger, Event.NOTIFICATION_FAILED, level=logging.ERROR, error=str(error))
        return None
