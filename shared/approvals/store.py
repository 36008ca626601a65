"""The table of approvals (`rows`). An approval and all rows that follow from it change in one
transaction, under its ETag: of all who decide at once, one does.

Every method raises `Unavailable` or `Refused` if storage fails.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.approvals import rows
from shared.approvals.model import Approval, ApprovalStatus
from shared.approvals.rows import PARTITION
from shared.errors import Damaged, NotFound
from shared.log import Event, event
from shared.projects import name_of
from shared.schedules.job import is_manual
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.tables import row_keys
from shared.storage.tables.batch import Delete, Insert, Operation, Replace
from shared.storage.tables.marked import marked
from shared.storage.tables.roll import Page, Rolls, rolls_for
from shared.storage.tables.roll_counts import Change, Wanted, time_of
from shared.threads import Pool

_logger = logging.getLogger("belfry.approvals")
_SERVICE = "table storage"
_AT_ONCE = 8
_PAGE = 64


@dataclass(frozen=True, slots=True)
class Pointer:
    """A row that names an approval: which of a job's counts, or that of the newest occurrence."""

    key: str
    id: str = ""
    number: int = 0
    etag: str = ""

    def to(self, approval: Approval) -> Operation:
        """What makes it name that approval."""
        said = marked({"id": approval.id, "number": approval.number})
        return Replace(self.key, self.etag, said) if self.etag else Insert(self.key, said)


class Store:
    """The table, which is created when it is first used."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._opened = connection.made_when_used(name)
        self._rolls = Rolls(connection.table(name), PARTITION)

    def find(self, id: str) -> Approval | None:
        """The approval; None if there is none. Raises `Damaged` if it cannot be read."""
        row = self._row(rows.approval_key(id))
        return None if row is None else rows.to_approval(row)

    def get(self, id: str) -> Approval:
        """The approval. Raises `NotFound`."""
        found = self.find(id)
        if found is None:
            raise NotFound(f"there is no approval {id!r:.60}")
        return found

    def of_job(self, job_id: str) -> tuple[Pointer, Approval | None]:
        """(the row of a job, the approval of it that counts)."""
        return self._pointed(rows.job_key(job_id))

    def newest_of(self, schedule_id: str) -> tuple[Pointer, Approval | None]:
        """The same of a schedule's newest occurrence that asked."""
        return self._pointed(rows.latest_key(schedule_id))

    def ask(
        self,
        new: Approval,
        job: Pointer,
        voided: Sequence[tuple[Approval, Approval]],
        latest: Pointer | None,
    ) -> Approval | None:
        """Store a new approval, and that it is the one of its job; None if others wrote meanwhile.
        `voided`: approvals, each with what becomes of it. `latest`: of its schedule, if it is of
        the newest occurrence."""
        steps, changes = rows.new_steps(new)
        first: list[Operation] = [job.to(new)]
        if latest is not None:
            first.append(latest.to(new))
        for before, after in voided:
            said, moved = rows.moved_steps(before, after)
            steps += [_replaced(before, after), *said]
            changes += moved
        return new if self._write([*first, *steps], changes) is not None else None

    def write(self, before: Approval, after: Approval) -> Approval | None:
        """Write it, if nobody changed it since `before` was read; None if somebody did."""
        steps, changes = rows.moved_steps(before, after)
        etag = self._write([_replaced(before, after), *steps], changes)
        return None if etag is None else replace(after, etag=etag)

    def page(
        self,
        projects: Collection[int] | None,
        status: ApprovalStatus | None,
        skip: int,
        size: int,
    ) -> tuple[list[Approval], int]:
        """(some of these projects' approvals, newest first; how many there are). `projects`: None
        for all, and the company's own; `status`: None for any."""
        self._opened()
        owners = None if projects is None else map(name_of, projects)
        rolls = rolls_for(owners, status.value if status is not None else None)
        found: Page = self._rolls.page(rolls, Wanted(), skip, size)
        return self._those([rows.id_in(place) for _, place in found.places]), found.total

    def count(self, status: ApprovalStatus | None, since: datetime, until: datetime) -> int:
        """How many were asked for in that time, of that status by now (None: of any)."""
        self._opened()
        rolls = rolls_for(None, status.value if status is not None else None)
        return self._rolls.page(rolls, Wanted(since=since, until=until), 0, 1).total

    def asked(self, status: ApprovalStatus, since: datetime, until: datetime) -> Sequence[Approval]:
        """Those that were asked for in that time and are of that status, the newest first; one that
        cannot be read is left out."""
        self._opened()
        return self._those(self._ids(status, Wanted(since=since, until=until)))

    def waiting(self) -> tuple[int, datetime | None]:
        """(how many are pending, when the oldest of them was asked for)."""
        self._opened()
        rolls = rolls_for(None, ApprovalStatus.PENDING.value)
        total = self._rolls.page(rolls, Wanted(), 0, 1).total
        last = self._rolls.page(rolls, Wanted(), max(0, total - 1), 1).places
        return total, (time_of(last[0][1]) if last else None)

    def pending(self) -> Iterator[Approval]:
        """All that are pending, the newest first; one that cannot be read is left out."""
        yield from self._in_roll(ApprovalStatus.PENDING, Wanted())

    def ended(self, status: ApprovalStatus, before: datetime) -> Iterator[Approval]:
        """Those of that status that were asked for before then, the newest first."""
        yield from self._in_roll(status, Wanted(until=before))

    def untold(self) -> list[str]:
        """The ids of those that people were not told of."""
        return rows.ids_in(row["RowKey"] for row in self._beginning("tell:"))

    def told(self, id: str) -> None:
        """People were told of it."""
        self._clear(rows.tell_key(id))

    def unwoken(self) -> list[tuple[str, str]]:
        """(id, job) of those that were decided, and whose jobs were not woken."""
        return [
            (row["RowKey"].partition(":")[2], row["job_id"]) for row in self._beginning("wake:")
        ]

    def woken(self, id: str) -> None:
        """Its job was woken."""
        self._clear(rows.wake_key(id))

    def remove(self, approval: Approval) -> bool:
        """Remove it, and what names it; False if somebody was faster."""
        steps, changes = rows.removed_steps(approval)
        for pointer, _ in (self.of_job(approval.job_id), self.newest_of(approval.schedule_id)):
            if pointer.id == approval.id:
                steps.append(Delete(pointer.key, pointer.etag))
        return self._write(steps, changes) is not None

    def _pointed(self, key: str) -> tuple[Pointer, Approval | None]:
        row = self._row(key)
        if row is None:
            return Pointer(key), None
        pointer = Pointer(key, row["id"], row["number"], row["etag"])
        return pointer, self.find(pointer.id)

    def _those(self, ids: Sequence[str]) -> list[Approval]:
        """Those of them that can be read, in that order."""
        with Pool(_AT_ONCE, "approvals") as pool:
            return [one for one in pool.map(self._readable, ids) if one is not None]

    def _in_roll(self, status: ApprovalStatus, wanted: Wanted) -> Iterator[Approval]:
        self._opened()
        ids = self._ids(status, wanted)
        for start in range(0, len(ids), _PAGE):
            yield from self._those(ids[start : start + _PAGE])

    def _ids(self, status: ApprovalStatus, wanted: Wanted) -> list[str]:
        (roll,) = rolls_for(None, status.value)
        found = self._rolls.walk(roll, wanted)
        return [rows.id_in(row["RowKey"].removeprefix(roll.rows)) for row in found]

    def _readable(self, id: str) -> Approval | None:
        """One damaged row must not stop the others."""
        try:
            return self.find(id)
        except Damaged as error:
            event(_logger, Event.APPROVAL_UNREADABLE, level=logging.ERROR, error=str(error))
            return None

    def _write(self, steps: Sequence[Operation], changes: Sequence[Change]) -> str | None:
        self._opened()
        return self._rolls.write(steps, changes)

    def _row(self, key: str) -> dict[str, Any] | None:
        with translated(_SERVICE):
            return self._opened().get(PARTITION, key)

    def _beginning(self, prefix: str) -> list[dict[str, Any]]:
        with translated(_SERVICE):
            wanted = row_keys.of(PARTITION, row_keys.beginning(prefix))
            return [*self._opened().query(wanted)]

    def _clear(self, key: str) -> None:
        """Remove a row, if it is there."""
        with translated(_SERVICE):
            self._opened().transact(PARTITION, [Delete(key)])


def is_newest(approval: Approval, other: Approval | None) -> bool:
    """Whether its occurrence is newer than the other's; what a person asked for is none."""
    return not is_manual(approval.job_id) and (other is None or approval.due_at > other.due_at)


def _replaced(before: Approval, after: Approval) -> Replace:
    return Replace(rows.approval_key(before.id), before.etag, rows.properties(after))
