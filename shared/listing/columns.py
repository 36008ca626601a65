"""What lists need of every schedule, in columns: one array for each field, so that a hundred
thousand schedules take some tens of megabytes, and a filter some milliseconds.

A schedule has a *slot*: its place in each array. Values that many schedules share (task types, sets
of tags) are stored once, as words, and the array holds their numbers.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from shared.listing.wanted import Sort
from shared.recurrence import Frequency
from shared.schedules.listed import Listed, ScheduleState

W = TypeVar("W", bound=Hashable)
Key = tuple[Any, str]
"""What an order sorts by: a value, and the schedule's id."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
NO_PROJECT = -1
ENABLED, ONCE, SYSTEM = 1, 2, 4
STATES = tuple(ScheduleState)
FREQUENCIES = tuple(Frequency)


class Words(Generic[W]):
    """Values that are numbered, each once."""

    def __init__(self) -> None:
        self.all: list[W] = []
        self._numbers: dict[W, int] = {}

    def number(self, word: W) -> int:
        """The number of a word, which is added if it is new."""
        found = self._numbers.setdefault(word, len(self.all))
        if found == len(self.all):
            self.all.append(word)
        return found

    def numbers(self, fits: Callable[[W], bool]) -> set[int]:
        """The numbers of the words that fit."""
        return {number for number, word in enumerate(self.all) if fits(word)}


class Columns:
    """The columns, and the orders that lists have. It is not safe for several threads."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.names: list[str] = []
        self.projects = array("q")
        self.tasks = array("I")
        self.tags = array("I")
        self.calendars = array("I")
        self.revisions = array("q")
        self.created = array("q")
        """In microseconds, as `micros` makes them."""
        self.deleted = array("q")
        """The same; 0: not deleted."""
        self.shards = array("H")
        """The number of the shard that each is in."""
        self.frequencies = bytearray()
        self.states = bytearray()
        self.marks = bytearray()
        self.task_words: Words[str] = Words()
        self.tag_words: Words[tuple[tuple[str, str], ...]] = Words()
        self.calendar_words: Words[tuple[str, ...]] = Words()
        self.version = 0
        """Grows with each change."""
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        self._orders: dict[Sort, list[int]] = {}
        self._keys: dict[Sort, Callable[[int], Key]] = {
            Sort.NEWEST: lambda slot: (self.created[slot], self.ids[slot]),
            Sort.NAME: lambda slot: (self.names[slot].casefold(), self.ids[slot]),
        }

    def __len__(self) -> int:
        return len(self._slots)

    def known(self) -> Iterator[str]:
        """The id of each schedule."""
        return iter(self._slots)

    def slots(self) -> Iterator[int]:
        """The slot of each schedule."""
        return iter(self._slots.values())

    def key(self, sort: Sort) -> Callable[[int], Key]:
        """What the order sorts by: a function of the slot."""
        return self._keys[sort]

    def order(self, sort: Sort) -> Sequence[int]:
        """Every slot in that order, ascending. It is made when it is first asked for."""
        if sort not in self._orders:
            self._orders[sort] = sorted(self._slots.values(), key=self._keys[sort])
        return self._orders[sort]

    def get(self, schedule_id: str) -> Listed | None:
        """What is known of a schedule."""
        slot = self._slots.get(schedule_id)
        return None if slot is None else self.at(slot)

    def at(self, slot: int) -> Listed:
        """What is known of the schedule in that slot."""
        project, deleted = self.projects[slot], self.deleted[slot]
        marks = self.marks[slot]
        return Listed(
            id=self.ids[slot],
            name=self.names[slot],
            project_id=None if project == NO_PROJECT else project,
            task_type=self.task_words.all[self.tasks[slot]],
            frequency=FREQUENCIES[self.frequencies[slot]],
            tags=self.tag_words.all[self.tags[slot]],
            calendars=self.calendar_words.all[self.calendars[slot]],
            enabled=bool(marks & ENABLED),
            state=STATES[self.states[slot]],
            once=bool(marks & ONCE),
            system=bool(marks & SYSTEM),
            revision=self.revisions[slot],
            created_at=instant(self.created[slot]),
            deleted_at=instant(deleted) if deleted else None,
        )

    def of_shard(self, shard: int) -> list[str]:
        """The id of each schedule in that shard."""
        return [one for one, slot in self._slots.items() if self.shards[slot] == shard]

    def fill(self, many: Iterable[Listed], shard: int) -> None:
        """Put these in the place of all that are known of a shard."""
        self._orders.clear()
        for gone in self.of_shard(shard):
            self._free.append(self._slots.pop(gone))
        for one in many:
            self._write(self._slot(one.id), one, shard)
        self.version += 1

    def put(self, one: Listed, shard: int) -> None:
        """Add or replace one."""
        slot = self._slots.get(one.id)
        if slot is not None and self.at(slot) == one:
            return
        self._leave(slot)
        slot = self._slot(one.id)
        self._write(slot, one, shard)
        for sort, order in self._orders.items():
            insort(order, slot, key=self._keys[sort])
        self.version += 1

    def remove(self, schedule_id: str) -> None:
        """Remove one, if it is there."""
        slot = self._slots.pop(schedule_id, None)
        if slot is not None:
            self._leave(slot)
            self._free.append(slot)
            self.version += 1

    def _leave(self, slot: int | None) -> None:
        """Take a slot out of the orders, while its columns are as they were."""
        if slot is None:
            return
        for sort, order in self._orders.items():
            key = self._keys[sort]
            del order[bisect_left(order, key(slot), key=key)]

    def _slot(self, schedule_id: str) -> int:
        found = self._slots.get(schedule_id)
        if found is None:
            found = self._free.pop() if self._free else self._grown()
            self._slots[schedule_id] = found
        return found

    def _grown(self) -> int:
        for texts in (self.ids, self.names):
            texts.append("")
        for numbers in (self.projects, self.tasks, self.tags, self.calendars):
            numbers.append(0)
        for large in (self.created, self.deleted, self.revisions):
            large.append(0)
        self.shards.append(0)
        for codes in (self.frequencies, self.states, self.marks):
            codes.append(0)
        return len(self.ids) - 1

    def _write(self, slot: int, one: Listed, shard: int) -> None:
        self.shards[slot] = shard
        self.ids[slot], self.names[slot] = one.id, one.name
        self.projects[slot] = _project(one.project_id)
        self.tasks[slot] = self.task_words.number(one.task_type)
        self.tags[slot] = self.tag_words.number(one.tags)
        self.calendars[slot] = self.calendar_words.number(one.calendars)
        self.revisions[slot] = one.revision if one.revision < 2**63 else 0  # by hand
        self.created[slot] = micros(one.created_at)
        self.deleted[slot] = 0 if one.deleted_at is None else micros(one.deleted_at)
        self.frequencies[slot] = FREQUENCIES.index(one.frequency)
        self.states[slot] = STATES.index(one.state)
        self.marks[slot] = ENABLED * one.enabled | ONCE * one.once | SYSTEM * one.system


def _project(number: int | None) -> int:
    """The number as the column has it. One that no column can hold was written into the row by
    hand, and is of no project."""
    return number if number is not None and 0 <= number < 2**63 else NO_PROJECT


def micros(at: datetime) -> int:
    """An instant in microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def instant(number: int) -> datetime:
    """The instant that `micros` made the number of."""
    return _EPOCH + number * _MICROSECOND
