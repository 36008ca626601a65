"""The table of deliveries. It has one partition, with six kinds of rows:

- `delivery:{id}`: a delivery. The id begins with the key of its webhook, and sorts newest first.
- `due:{instant}:{id}`: when it is due. So a flush costs as much as is due.
- `open:{webhook}:{due_at}:{id}`: it has not ended. Those of a webhook, in their order.
- `ended:{instant}:{id}`: it has. So to remove old ones costs as much as is removed.
- `count:{webhook}:...`: how many ended (`shared.storage.tables.roll`). So a page of a list costs as
  much as it shows.
- `endpoint:{webhook}`: the state that all deliveries to a webhook share.

The rows of a delivery change together, in one transaction under the delivery's ETag. Every method
raises `Unavailable` or `Refused` if storage fails.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any
from zlib import crc32

from shared.errors import Damaged, Unavailable
from shared.log import Event, event
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.tables.batch import MAX_OPERATIONS, Delete, Insert, Operation, Replace, literal
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.roll import Page, Rolls
from shared.storage.tables.roll_counts import Change, Wanted
from shared.storage.tables.table import Table
from shared.threads import Pool
from shared.webhooks import deciding, rows
from shared.webhooks.endpoint import Endpoint
from shared.webhooks.model import Delivery, DeliveryStatus
from shared.webhooks.rows import PARTITION, beginning

_logger = logging.getLogger("belfry.webhooks")
_SERVICE = "table storage"
_AT_ONCE = 8


def _of_status(status: DeliveryStatus) -> str:
    """A condition on rows."""
    return f"status eq {literal(status.value)}"


EndpointStep = Callable[[Endpoint], Endpoint | None]
"""(the endpoint as it is stored now) -> as it is to be stored; None: as it is."""


class Store:
    """The table, which is created when it is first written."""

    def __init__(self, connection: Connection, table: str) -> None:
        self._connection = connection
        self._table = connection.table(table)
        self._rolls = Rolls(self._table, PARTITION, digits=6)
        self._there = False

    def put(self, delivery: Delivery) -> tuple[Delivery, bool]:
        """Store it, unless there is one of its id; (what is stored, whether it is new)."""
        first, beside = rows.new_rows(delivery)
        if (etag := self._transact(first, beside, rows.changes(None, delivery))) is not None:
            return replace(delivery, etag=etag), True
        found = self.find(delivery.id)
        if found is None:
            raise Unavailable(_SERVICE, f"the delivery {delivery.id} was removed meanwhile")
        return found, False

    def write(self, before: Delivery, after: Delivery) -> Delivery | None:
        """Write it, if nobody changed it since `before` was read; None if somebody did."""
        main, beside = rows.changed_rows(before, after)
        etag = self._transact(main, beside, rows.changes(before, after))
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
        """(One page of a webhook's deliveries, newest first; how many there are in total.) It costs
        what it shows, and what is open."""
        skip, rolls = (page - 1) * size, [rows.roll(hook)]
        if status is not None and status.ended:
            wanted = Wanted(
                since=since, until=until, kinds={status.value}, where=_of_status(status)
            )
            return self._shown(self._rolls.page(rolls, wanted, skip, size), wanted.where)
        wanted = Wanted(since=since, until=until, where=_ENDED)
        some = self._open(hook, "" if status is None else _of_status(status))
        places = sorted(
            place
            for one in some
            if wanted.first <= (place := one.partition("-")[2]) < wanted.beyond
        )
        if status is None:
            return self._shown(self._rolls.page(rolls, wanted, skip, size, places))
        ids = [f"{hook}-{place}" for place in places[skip : skip + size]]
        return self.those(ids), len(places)

    def _shown(self, page: Page, where: str = "") -> tuple[list[Delivery], int]:
        found = map(_readable, self._rolls.read(page, where))
        return [one for one in found if one is not None], page.total

    def _open(self, hook: str, where: str) -> list[str]:
        """The ids of a webhook's open deliveries."""
        wanted = beginning(f"open:{hook}:") + (f" and {where}" if where else "")
        return [rows.id_in(key) for key in self._keys(wanted, None)]

    def forget(self, before: datetime, most: int, go_on: Callable[[], bool]) -> int:
        """Remove deliveries that ended before `before`; how many. Several at once, but those that
        are counted together one after the other."""
        wanted = rows.span("ended:", rows.ended_key(before))
        with translated(_SERVICE):
            found = self._opened().query(wanted, select=("RowKey", "status"))
            old = [_Old.of(row) for row in islice(found, most)]
        lots: dict[int, list[_Old]] = defaultdict(list)
        for one in old:
            lots[crc32(self._counted(one).encode()) % _AT_ONCE].append(one)
        with Pool(_AT_ONCE, "deliveries") as pool:
            return sum(pool.map(lambda lot: self._forget(lot, go_on), lots.values()))

    def _forget(self, lot: list[_Old], go_on: Callable[[], bool]) -> int:
        gone = 0
        for some in _transactions(sorted(lot, key=self._counted), self._counted):
            if not go_on():
                break
            if self._remove(some):
                gone += len(some)
            else:  # one was begun again, or somebody else removes them: the others by themselves
                gone += sum(self._remove([one]) or self._clear(one) for one in some)
        return gone

    def _clear(self, one: _Old) -> bool:
        """Remove the row if it leads to nothing: it must not stand in the way."""
        if self._row(rows.delivery_key(one.id)) is None:
            with translated(_SERVICE):
                self._table.transact(PARTITION, [Delete(one.key)])
        return False

    def _remove(self, some: Sequence[_Old]) -> bool:
        steps = [step for one in some for step in rows.removed_rows(one.id, one.key)]
        return self._rolls.write(steps, [one.change for one in some]) is not None

    def _counted(self, one: _Old) -> str:
        """The row that counts it."""
        return self._rolls.key_of(one.change)

    def create(self) -> None:
        """Create the table, if it is not there."""
        self._opened()

    def _transact(
        self, main: Insert | Replace, beside: Sequence[Operation], changes: Sequence[Change]
    ) -> str | None:
        """Do all steps; the ETag of the first, or None if somebody was faster."""
        self._opened()
        return self._rolls.write([main, *beside], changes)

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
_ENDED = " or ".join(_of_status(one) for one in DeliveryStatus if one.ended)


@dataclass(frozen=True, slots=True)
class _Old:
    """A delivery that ended long ago: what its row `ended` says of it."""

    key: str
    id: str
    change: Change

    @staticmethod
    def of(row: Mapping[str, Any]) -> _Old:
        id = rows.id_in(row["RowKey"])
        status = DeliveryStatus(row.get("status") or DeliveryStatus.FAILED)
        return _Old(row["RowKey"], id, rows.ended_change(id, status, -1))


def _transactions(
    sorted_: Iterable[_Old], counted: Callable[[_Old], str]
) -> Iterator[Sequence[_Old]]:
    """As many together as one transaction takes: each has two rows, and the counts are rows too."""
    some: list[_Old] = []
    keys = set[str]()
    for one in sorted_:
        if 2 * len(some) + 2 + len(keys | {counted(one)}) > MAX_OPERATIONS:
            yield some
            some, keys = [], set()
        some.append(one)
        keys.add(counted(one))
    if some:
        yield some


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
