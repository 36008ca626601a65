"""The outbox: a table that stores every notification before it is sent.

The table has one partition, with three kinds of rows:

- `message:{id}`: the notification. Ids sort newest first.
- `key:{digest}`: the id for a key, channel and recipient, which together identify a notification.
- `due:{instant}:{id}`: when a notification is due. So a flush costs as much as is due, and not as
  much as is stored.

The rows of a notification change together, in one transaction under the notification's ETag.

Before a sender sends a notification, it takes it for `HELD`. What becomes of one whose sender was
killed after it had sent it, but before it had recorded that, is said in `sending`.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from shared.errors import Damaged, NotFound, Unavailable
from shared.log import Event, event
from shared.notifications import states
from shared.notifications.forgetting import forget
from shared.notifications.listing import Wanted
from shared.notifications.model import Draft, Entry, NotificationStatus, is_id, notification_id
from shared.notifications.rows import (
    PARTITION,
    ROW,
    Lane,
    beginning,
    due_key,
    moved,
    new_rows,
    notification_key,
    properties,
    to_entry,
)
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.tables.batch import (
    MAX_OPERATIONS,
    Merge,
    Operation,
    TooLarge,
    literal,
)
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.facts import Meta
from shared.threads import Pool

_logger = logging.getLogger("belfry.notifications")

HELD = timedelta(minutes=10)
"""How long a notification belongs to the sender that took it."""

Step = Callable[[Entry], Entry | None]
"""(the notification as it is stored now) -> as it is to be stored; None: as it is."""

_SERVICE = "table storage"
_PAGE = 200
_TOGETHER = MAX_OPERATIONS // 3
"""How many new notifications are stored in one transaction; each is three rows."""
_AT_ONCE = 8
"""How many rows are read at once."""
_DRAFT = tuple(one.name for one in fields(Draft))


class Outbox:
    """The outbox in one table, which is created when it is first used. Every method raises
    `Unavailable` or `Refused` if storage fails."""

    def __init__(self, connection: Connection, table: str) -> None:
        self._open = connection.made_when_used(table)

    def facts(self) -> Meta:
        """Facts beside the notifications, in the same table: what senders share."""
        return Meta(self._open())

    def put(self, wanted: Draft, now: datetime, *, kept: str | None = None) -> tuple[Entry, bool]:
        """Store it, unless it is stored already; (the stored notification, whether it is new).

        `kept` says why it cannot be sent; None: it can be.
        """
        entry = new_entry(wanted, now, kept)
        with translated(_SERVICE):
            done = self._open().transact(PARTITION, new_rows(entry))
        if done.committed:
            return replace(entry, etag=done.etags[1]), True
        found = self.known(wanted.digest)
        if found is None:
            raise Unavailable(_SERVICE, f"the notification {wanted.key} was removed meanwhile")
        return found, False

    def put_all(self, wanted: Sequence[Draft], now: datetime) -> list[tuple[Entry, bool]]:
        """As `put`, for many, which differ in what identifies them; new ones are stored by 33 in
        one transaction."""
        parts = [wanted[at : at + _TOGETHER] for at in range(0, len(wanted), _TOGETHER)]
        with Pool(_AT_ONCE, "outbox") as pool:
            return [one for part in parts for one in self._put_part(part, now, pool)]

    def _put_part(
        self, part: Sequence[Draft], now: datetime, pool: Pool
    ) -> list[tuple[Entry, bool]]:
        """Store them together if all are new; else only those that are."""
        if (stored := self._insert(part, now)) is not None:
            return [(entry, True) for entry in stored]
        found = pool.map(lambda one: self.known(one.digest), part)
        missing = [one for one, known in zip(part, found, strict=True) if known is None]
        there = {one.digest: (one, False) for one in found if one is not None}
        stored = self._insert(missing, now) if missing else []
        if stored is not None:
            new = {entry.digest: (entry, True) for entry in stored}
        else:  # somebody else stores some of them at this moment
            new = {one.digest: self.put(one, now) for one in missing}
        return [(there | new)[one.digest] for one in part]

    def _insert(self, part: Sequence[Draft], now: datetime) -> list[Entry] | None:
        """Store all of them; None if one of them is stored already, or if they are too large for
        one transaction."""
        entries = [new_entry(one, now, None) for one in part]
        rows = [row for entry in entries for row in new_rows(entry)]
        with translated(_SERVICE):
            try:
                done = self._open().transact(PARTITION, rows)
            except TooLarge:
                return None
        if not done.committed:
            return None
        return [
            replace(entry, etag=etag) for entry, etag in zip(entries, done.etags[1::3], strict=True)
        ]

    def known(self, digest: str) -> Entry | None:
        """The notification with that digest; None if there is none."""
        with translated(_SERVICE):
            row = self._open().get(PARTITION, f"key:{digest}")
        return None if row is None else self.find(row["id"])

    def those_known(self, digests: Sequence[str]) -> set[str]:
        """Which of these digests belong to a notification that is stored."""

        def stored(digest: str) -> bool:
            with translated(_SERVICE):
                return self._open().get(PARTITION, f"key:{digest}") is not None

        with Pool(_AT_ONCE, "outbox") as pool:
            found = pool.map(stored, digests)
        return {digest for digest, there in zip(digests, found, strict=True) if there}

    def claim(self, entry: Entry, now: datetime) -> Entry | None:
        """Take a notification for one attempt; None if it is not due, or somebody else has it. What
        else `entry` differs in from what is stored, such as its words, is stored with it."""
        if not states.may_claim(entry, now):
            return None
        mine = replace(states.claimed(entry, secrets.token_hex(8), now + HELD), claimed_at=now)
        written = self._change(entry, mine)
        if written is not None:
            return written
        # perhaps our own earlier write, whose answer was lost, is why this one was refused
        found = self.find(entry.id)
        return found if found is not None and found.holder == mine.holder else None

    def update(self, entry: Entry, step: Step) -> Entry:
        """Change a notification by a step, on what is stored by then; as it is afterwards. One that
        was removed meanwhile stays removed."""
        now: list[Entry] = [entry]

        def attempt() -> Entry | None:
            before = now.pop() if now else self.find(entry.id)
            if before is None:
                return entry
            after = step(before)
            return before if after is None else self._change(before, after)

        return compare_and_set(entry.id, attempt, error=partial(Unavailable, _SERVICE))

    def due(self, now: datetime, lane: Lane, size: int) -> Iterator[list[Entry]]:
        """The notifications of a lane that are due, starting with those that have waited longest,
        by pages of `size` at most."""
        until = due_key(now + timedelta(microseconds=1))
        wanted = f"{beginning('due:')} and RowKey lt {literal(until)}"
        keys: list[str] = []
        with translated(_SERVICE), Pool(_AT_ONCE, "outbox") as pool:
            for row in self._open().query(wanted):
                if row.get("lane", Lane.ADMINISTRATORS) == lane:  # the first versions have none
                    keys.append(row["RowKey"])
                if len(keys) == size:
                    yield self._those_due(keys, now, pool)
                    keys = []
            if keys:
                yield self._those_due(keys, now, pool)

    def pending(self, now: datetime, most: int) -> tuple[int, int]:
        """(how many are due, how many wait for their time): of the first `most` by time."""
        until, due, waiting = due_key(now + timedelta(microseconds=1)), 0, 0
        with translated(_SERVICE):
            rows = self._open().query(beginning("due:"), select=["RowKey"])
            for row in islice(rows, most):
                due += row["RowKey"] < until
                waiting += row["RowKey"] >= until
        return due, waiting

    def _those_due(self, keys: Sequence[str], now: datetime, pool: Pool) -> list[Entry]:
        """Those that are still due. One whose row says another time than `keys`, its key among the
        due rows, was changed by hand: it could not be written, and would stop the others."""

        def read(key: str) -> Entry | None:
            with translated(_SERVICE):
                row = self._open().get(PARTITION, notification_key(key.rpartition(":")[2]))
            entry = _told(row)
            if entry is None or entry.next_at is None or entry.next_at > now:
                return None
            if due_key(entry.next_at, entry.id) == key:
                return entry
            said = f"the row of {entry.id} says {entry.next_at}, and its due row is {key}"
            event(_logger, Event.NOTIFICATION_FAILED, level=logging.ERROR, error=said)
            return None

        return [entry for entry in pool.map(read, keys) if entry is not None]

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

    def page(self, wanted: Wanted, page: int, size: int) -> tuple[list[Entry], int]:
        """(One page of the notifications, newest first; how many there are in total). Only the
        texts of that page are read."""
        filter = wanted.filter()
        with translated(_SERVICE):
            rows = self._open().query(filter, top=1000, select=("RowKey",))
            keys = [row["RowKey"] for row in rows]
            span = keys[(page - 1) * size : page * size]
            if not span:
                return [], len(keys)
            filter += f" and RowKey ge {literal(span[0])} and RowKey le {literal(span[-1])}"
            found = [_told(row) for row in self._open().query(filter, top=size)]
        return [one for one in found if one is not None], len(keys)

    def unpriced_pages(
        self, channel: str, since: datetime, until: datetime, size: int
    ) -> Iterator[list[Entry]]:
        """By pages, newest first, those stored from `since` to `until` that a provider accepted and
        has not told all about: that are not known to have arrived or not, or of unknown cost."""
        newest, oldest = (
            literal(notification_key(notification_id(end, at)))
            for end, at in (("", until), ("~", since))
        )
        wanted = (
            f"{beginning(ROW)} and RowKey ge {newest} and RowKey le {oldest} and channel eq "
            f"{literal(channel)} and provider_id ne '' and "
            f"(status eq 'sent' or cost_estimated eq true or cost_micros eq '')"
        )
        page: list[Entry] = []
        with translated(_SERVICE):
            for row in self._open().query(wanted, top=size):
                page += [entry for entry in (_told(row),) if entry is not None]
                if len(page) >= size:
                    yield page
                    page = []
            if page:
                yield page

    def forget(self, before: datetime, go_on: Callable[[], bool]) -> int:
        """Remove what was over before `before`, as long as `go_on` (`forgetting`); how many."""
        with translated(_SERVICE):
            return forget(self._open(), before, go_on)

    def _change(self, before: Entry, after: Entry) -> Entry | None:
        """Write the notification, if nobody changed it since it was read; None if somebody did."""
        rows: list[Operation] = [Merge(notification_key(before.id), before.etag, properties(after))]
        rows += moved(before, after)
        with translated(_SERVICE):
            done = self._open().transact(PARTITION, rows)
        return replace(after, etag=done.etags[0]) if done.committed else None


def new_entry(wanted: Draft, now: datetime, kept: str | None) -> Entry:
    """A notification that was not asked for before; `kept` as `Outbox.put` has it."""
    return Entry(
        **{name: getattr(wanted, name) for name in _DRAFT},
        id=notification_id(wanted.digest, now),
        status=NotificationStatus.QUEUED if kept is None else NotificationStatus.KEPT,
        error=kept,
        created_at=now,
        next_at=now if kept is None else None,
    )


def _told(row: Mapping[str, Any] | None) -> Entry | None:
    """The notification in a row; None if there is no row, or if it cannot be read: one damaged row
    must not stop the others."""
    try:
        return None if row is None else to_entry(row)
    except Damaged as error:
        event(_logger, Event.NOTIFICATION_FAILED, level=logging.ERROR, error=str(error))
        return None
