"""Reads and writes the rows of calendars and feeds. Every method raises `Unavailable` or `Refused`
if storage fails."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from shared.calendars import rows
from shared.calendars.model import NamedCalendar
from shared.calendars.rows import PARTITION, Feed
from shared.errors import Damaged
from shared.log import Event, event
from shared.storage.failures import translated
from shared.storage.tables import row_keys
from shared.storage.tables.batch import Delete, Insert, Operation, Replace, Upsert
from shared.storage.tables.marked import marked, write
from shared.storage.tables.table import Table

_logger = logging.getLogger("belfry.calendars")
_SERVICE = "table storage"


class Store:
    """The rows."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, calendar_id: str) -> NamedCalendar | None:
        """The calendar, also one that is being deleted. Raises `Damaged`."""
        row = self._row(rows.calendar_key(calendar_id))
        return None if row is None else rows.to_calendar(row)

    def all(self) -> list[NamedCalendar]:
        """Every calendar that can be read."""
        return [
            made for row in self._rows(rows.calendar_key()) if (made := _readable(row)) is not None
        ]

    def add(self, calendar: NamedCalendar) -> bool:
        """Store a new calendar; False if its project has one of that name, or there is or was one
        of its id."""
        key, version = rows.calendar_key(calendar.id), rows.version_key(calendar)
        first = Insert(version, rows.properties(calendar))
        return self._transact([Insert(key, _marked(calendar)), _name(calendar), first])

    def was_there(self, calendar: NamedCalendar) -> bool:
        """Whether this version of a calendar was stored once."""
        return self._row(rows.version_key(calendar)) is not None

    def write(self, before: NamedCalendar, after: NamedCalendar) -> bool | None:
        """Replace a calendar. False if its new name is taken; None if it was changed since `before`
        was read."""
        key = rows.calendar_key(after.id)
        steps: list[Operation] = [Replace(key, before.etag, _marked(after)), _version(after)]
        renamed = _name(before).key != _name(after).key
        if renamed:
            steps += [_name(after), Delete(_name(before).key)]
        if self._transact(steps):
            return True
        return False if renamed and self._row(_name(after).key) is not None else None

    def remove(self, calendar: NamedCalendar) -> bool:
        """Remove a calendar, but not its versions; False if it was changed meanwhile."""
        key = rows.calendar_key(calendar.id)
        return self._transact([Delete(key, calendar.etag), Delete(_name(calendar).key)])

    def add_feed(self, feed: Feed) -> bool:
        """Store a feed; False if its token or its id is taken."""
        token = Insert(rows.token_key(feed.hash), {"feed": feed.id})
        said = marked(rows.feed_properties(feed))
        return self._transact([Insert(rows.feed_key(feed.id), said), token])

    def feed(self, feed_id: str) -> Feed | None:
        row = self._row(rows.feed_key(feed_id))
        return None if row is None else rows.to_feed(row)

    def feeds(self) -> list[Feed]:
        return [rows.to_feed(row) for row in self._rows(rows.feed_key())]

    def opened(self, hashed: str) -> Feed | None:
        """The feed whose token has this hash."""
        row = self._row(rows.token_key(hashed))
        return None if row is None else self.feed(row["feed"])

    def remove_feed(self, feed: Feed) -> None:
        """Remove a feed and its token; harmless if they are gone."""
        with translated(_SERVICE):
            for key in (rows.token_key(feed.hash), rows.feed_key(feed.id)):
                self._table.transact(PARTITION, [Delete(key)])

    def _row(self, key: str) -> dict[str, Any] | None:
        with translated(_SERVICE):
            return self._table.get(PARTITION, key)

    def _rows(self, prefix: str) -> Iterator[dict[str, Any]]:
        where = row_keys.of(PARTITION, row_keys.beginning(prefix))
        with translated(_SERVICE):
            yield from self._table.query(where)

    def _transact(self, steps: Sequence[Operation]) -> bool:
        """Do all steps, or none; the first one's row is marked, or removed."""
        return write(self._table, PARTITION, steps) is not None


def _marked(calendar: NamedCalendar) -> dict[str, Any]:
    return marked(rows.properties(calendar))


def _name(calendar: NamedCalendar) -> Insert:
    what = calendar.definition
    return Insert(rows.name_key(what.name, what.project_id), {"id": calendar.id})


def _version(calendar: NamedCalendar) -> Upsert:
    return Upsert(rows.version_key(calendar), rows.properties(calendar))


def _readable(row: dict[str, Any]) -> NamedCalendar | None:
    """The calendar in a row. One that cannot be read must not hide the others."""
    try:
        return rows.to_calendar(row)
    except Damaged as error:
        event(_logger, Event.CALENDAR_UNREADABLE, level=logging.ERROR, error=str(error))
        return None
