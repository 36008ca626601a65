"""Lists of the audit: which records a caller asks for, and may see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from shared.access import Caller, Role
from shared.audit.chain import Record
from shared.audit.port import Action
from shared.audit.table import ChainTable
from shared.log import instant
from shared.storage.tables.batch import literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which records; None stands for any."""

    schedule_id: str | None = None
    project_id: int | None = None
    actor: str | None = None
    action: Action | None = None
    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A page of records."""

    records: list[Record]
    total: int
    """How many records there are on all pages."""
    start: int
    """How many come before it."""
    last: int | None
    """The number of its last record, if there is a page after it."""


class Listing:
    """The lists. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, table: ChainTable) -> None:
        self._table = table

    def numbers(self, wanted: Wanted, caller: Caller) -> Sequence[int]:
        """The numbers of the records that fit, and that the caller may see, the newest first.

        It reads keys only: those of the schedule, or of the projects, or of everything; and none if
        the caller sees everything, and asked for no part of it.
        """
        if wanted == Wanted() and caller.projects is None and caller.role.includes(Role.ADMIN):
            stored = self._table.stored()
            return [] if stored is None else range(stored.head.number, stored.archived, -1)
        where = "".join(f" and {one}" for one in _conditions(wanted, caller))
        found = {
            number
            for prefix in _prefixes(wanted, caller)
            for number, project in self._table.numbers(prefix, where)
            if caller.sees(project)
        }
        return sorted(found, reverse=True)

    def walk(self, wanted: Wanted, caller: Caller, size: int = 100) -> Iterator[Record]:
        """The records that fit, and that the caller may see, some at a time, so that few are in
        memory: those of a schedule or a project the newest first, else the oldest first."""
        where = "".join(f" and {one}" for one in _conditions(wanted, caller))
        for prefix in _prefixes(wanted, caller):
            found = self._table.numbers(prefix, where)
            numbers = (number for number, project in found if caller.sees(project))
            while some := list(islice(numbers, size)):
                yield from self._records(some)

    def page(self, numbers: Sequence[int], start: int, size: int) -> Page:
        """`size` of these records, from the one at `start` on. One that is gone by now, since it
        was archived, is left out."""
        some = numbers[start : start + size]
        more = start + size < len(numbers) and len(some) > 0
        return Page(
            records=self._records(some),
            total=len(numbers),
            start=start,
            last=some[-1] if more else None,
        )

    def _records(self, numbers: Sequence[int]) -> list[Record]:
        if not numbers:
            return []
        low, high = min(numbers), max(numbers)
        if high - low < 5 * len(numbers):
            there = {one.number: one for one in self._table.records(low - 1, high)}
        else:
            read = (self._table.record(number) for number in numbers)
            there = {one.number: one for one in read if one is not None}
        return [there[number] for number in numbers if number in there]


def _prefixes(wanted: Wanted, caller: Caller) -> Iterator[str]:
    """The rows to look through."""
    if wanted.schedule_id is not None:
        yield f"schedule:{wanted.schedule_id}:"
    elif wanted.project_id is not None:
        yield f"project:{wanted.project_id}:"
    elif caller.projects is None:
        yield "record:"
    else:
        yield from (f"project:{one}:" for one in sorted(caller.projects))


def _conditions(wanted: Wanted, caller: Caller) -> Iterator[str]:
    """What must hold of a row, in OData."""
    if not caller.role.includes(Role.ADMIN):
        yield "schedule_id ne ''"  # what concerns no schedule is for administrators
    if wanted.project_id is not None:
        yield f"project_id eq '{wanted.project_id}'"
    if wanted.actor is not None:
        yield f"actor eq {literal(wanted.actor)}"
    if wanted.action is not None:
        yield f"action eq '{wanted.action.value}'"
    if wanted.kind is not None:
        yield f"kind eq {literal(wanted.kind)}"
    if wanted.since is not None:
        yield f"at ge '{instant(wanted.since, 'microseconds')}'"
    if wanted.until is not None:
        yield f"at lt '{instant(wanted.until, 'microseconds')}'"
