"""The table of deliveries. It has one partition, with five kinds of rows:

- `delivery:{id}`: a delivery. The id begins with the key of its webhook, and sorts newest first.
- `due:{instant}:{id}`: when it is due. So a flush costs as much as is due.
- `open:{webhook}:{due_at}:{id}`: it has not ended. Those of a webhook, in their order.
- `ended:{instant}:{id}`: it has. So to remove old ones costs as much as is removed.
- `endpoint:{webhook}`: the state that all deliveries to a webhook share.

The rows of a delivery change together, in one transaction under the delivery's ETag. Every method
raises `Unavailable` or `Refused` if storage fails.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from shared.errors import Damaged, Unavailable
from shared.log import Event, event
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.tables.batch import Delete, Insert, Operation, Replace, literal
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.marked import write
from shared.storage.tables.table import Table
from shared.threads import Pool
from shared.webhooks import body, deciding, rows
from shared.webhooks.endpoint import Endpoint
from shared.webhooks.model import Delivery, DeliveryStatus
from shared.webhooks.rows import PARTITION, beginning

_logger = logging.getLogger("belfry.webhooks")
_SERVICE = "table storage"
_AT_ONCE = 8

EndpointStep = Callable[[Endpoint], Endpoint | None]
"""(the endpoint as it is stored now) -> as it is to be stored; None: as it is."""


class Store:
    """The table, which is created when it is first written."""

    def __init__(self, connection: Connection, table: str) -> None:
        self._connection = connection
        self._table = connection.table(table)
        self._there = False

    def put(self, delivery: Delivery) -> tuple[Delivery, bool]:
        """Store it, unless there is one of its id; (what is stored, whether it is new)."""
        if (etag := self._transact(*rows.new_rows(delivery))) is not None:
            return replace(delivery, etag=etag), True
        found = self.find(delivery.id)
        if found is None:
            raise Unavailable(_SERVICE, f"the delivery {delivery.id} was removed meanwhile")
        return found, False

    def write(self, before: Delivery, after: Delivery) -> Delivery | None:
        """Write it, if nobody changed it since `before` was read; None if somebody did."""
        etag = self._transact(*rows.changed_rows(before, after))
        return None if etag is None else replace(after, etag=etag)

    def find(self, id: str) -> Delivery | None:
        """The delivery; None if there is none, or it cannot be read."""
        return _readable(self._row(rows.delivery_key(id)))

    def those(self, ids: Sequence[str]) -> list[Delivery]:
        """Those of them that exist, in that order."""
        with Pool(_AT_ONCE, "deliveries") as pool:
            return [one for one in pool.map(self.find, ids) if one is not None]

    def due(self, now: datetime, most: int, but: Collection[str] = ()) -> list[str]:
        """The ids of deliveries that are due, without `but`, those first that have waited
        longest. Reads no more than it needs."""
        beyond = rows.due_key(now + timedelta(microseconds=1))
        with translated(_SERVICE):
            found = self._opened().query(
                rows.span("due:", beyond), top=min(most, 1000), select=("RowKey",)
            )
            ids = (rows.id_in(row["RowKey"]) for row in found)
            return list(islice((one for one in ids if one not in but), most))

    def open_ids(self, hook: str, most: int) -> list[str]:
        """The ids of a webhook's deliveries that have not ended, by when they were due."""
        return [rows.id_in(key) for key in self._keys(beginning(f"open:{hook}:"), most)]

    def endpoint(self, hook: str) -> Endpoint:
        """The state of an endpoint."""
        return rows.to_endpoint(self._row(rows.endpoint_key(hook)))

    def change_endpoint(self, hook: str, step: EndpointStep) -> Endpoint:
        """The endpoint after `step`, as it is stored."""
        key = rows.endpoint_key(hook)

        def attempt() -> Endpoint | None:
            before = self.endpoint(hook)
            after = step(before)
            if after is None or after == before:
                return before
            said = rows.endpoint_properties(after)
            write = Replace(key, before.etag, said) if before.etag else Insert(key, said)
            with translated(_SERVICE):
                done = self._opened().transact(PARTITION, [write])
            return replace(after, etag=done.etags[0]) if done.committed else None

        return compare_and_set(key, attempt, error=partial(Unavailable, _SERVICE))

    def defer(self, deliveries: Sequence[Delivery], until: datetime) -> None:
        """Let them wait. One that somebody else has taken stays as it is."""
        late = [one for one in deliveries if one.next_at is not None and one.next_at < until]
        for at in range(0, len(late), _TOGETHER):
            part = late[at : at + _TOGETHER]
            steps = [
                step
                for one in part
                for step in _flat(rows.changed_rows(one, deciding.deferred(one, until)))
            ]
            with translated(_SERVICE):
                done = self._opened().transact(PARTITION, steps)
            if not done.committed:  # one of them was changed: the others by themselves
                for one in part:
                    self.write(one, deciding.deferred(one, until))

    def hasten(self, delivery: Delivery, now: datetime) -> Delivery | None:
        """Let one that only waited be due now; None if somebody else has changed it."""
        return self.write(delivery, deciding.deferred(delivery, now))

    def page(
        self,
        hook: str,
        status: DeliveryStatus | None,
        since: datetime | None,
        until: datetime | None,
        page: int,
        size: int,
    ) -> tuple[list[Delivery], int]:
        """(One page of a webhook's deliveries, newest first; how many there are in total.)"""
        first, beyond = body.span(hook, since, until)
        wanted = rows.span(rows.delivery_key(first), rows.delivery_key(beyond))
        if status is not None:
            wanted += f" and status eq {literal(status.value)}"
        keys = self._keys(wanted, None)
        return self.those(list(map(rows.id_in, keys[(page - 1) * size : page * size]))), len(keys)

    def forget(self, before: datetime, most: int, go_on: Callable[[], bool]) -> int:
        """Remove deliveries that ended before `before`; how many."""
        keys = self._keys(rows.span("ended:", rows.ended_key(before)), most)
        gone = 0
        for at in range(0, len(keys), _TOGETHER):
            if not go_on():
                break
            some = keys[at : at + _TOGETHER]
            found = self.those(list(map(rows.id_in, some)))
            steps = [step for one in found if one.status.ended for step in rows.removed_rows(one)]
            there = {one.id for one in found}  # what cannot be read must not stand in the way
            steps += [Delete(key) for key in some if rows.id_in(key) not in there]
            with translated(_SERVICE):
                if steps and self._opened().transact(PARTITION, steps).committed:
                    gone += len(found)
        return gone

    def create(self) -> None:
        """Create the table, if it is not there."""
        self._opened()

    def _transact(self, main: Insert | Replace, beside: Sequence[Operation]) -> str | None:
        """Do all steps; the ETag of the first, or None if somebody was faster."""
        return write(self._opened(), PARTITION, [main, *beside])

    def _row(self, key: str) -> dict[str, Any] | None:
        with translated(_SERVICE):
            return self._opened().get(PARTITION, key)

    def _keys(self, wanted: str, most: int | None) -> list[str]:
        top = 1000 if most is None else min(most, 1000)
        with translated(_SERVICE):
            found: Iterator[Mapping[str, Any]] = self._opened().query(
                wanted, top=top, select=("RowKey",)
            )
            return [row["RowKey"] for row in islice(found, most)]

    def _opened(self) -> Table:
        if not self._there:
            self._connection.create_table(self._table.name)
            self._there = True
        return self._table


_TOGETHER = 24
"""Deliveries in one transaction: at most four rows each."""


def _flat(written: tuple[Operation, Sequence[Operation]]) -> list[Operation]:
    return [written[0], *written[1]]


def _readable(row: Mapping[str, Any] | None) -> Delivery | None:
    """The delivery in a row; None if there is none, or it cannot be read: one damaged row must not
    stop the others."""
    try:
        return None if row is None else rows.to_delivery(row)
    except Damaged as error:
        event(_logger, Event.DELIVERY_UNREADABLE, level=logging.ERROR, error=str(error))
        return None
