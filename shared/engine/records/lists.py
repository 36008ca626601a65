"""Lists of schedules: which ones, by the index (`shared/listing`), and each as its row says."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.listing.choice import Counts
from shared.listing.columns import Key
from shared.listing.listing import Listing
from shared.listing.wanted import Sort, Wanted
from shared.schedules.fold import fold
from shared.schedules.model import Schedule
from shared.storage.tables.schedules import Due, ScheduleTable

_ALL = Wanted()
_PAGE = 1000
_FEW = 1000
"""Of so few schedules, a page's rows are read in ranges, else each by itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A page of a list of schedules."""

    schedules: Sequence[Schedule]
    """With the jobs that ended counted."""
    total: int
    """How many there are on all pages."""
    before: int
    """How many come before the page."""
    last: Key | None
    """The place of the page's last, if there are more after it."""


class Lists:
    """The lists. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, table: ScheduleTable, listing: Listing) -> None:
        self._table = table
        self._listing = listing

    def page(
        self, wanted: Wanted, sort: Sort, size: int, *, start: int = 0, after: Key | None = None
    ) -> Page:
        """The page that begins with number `start` (from 0), or right after a place.

        What the schedules say is read now. One that is deleted at the same time is left out.
        """
        chosen = self._listing.choose(wanted, sort, size, start=start, after=after)
        few = self._listing.size <= _FEW
        rows = self._table.many(chosen.ids) if few else self._table.scattered(chosen.ids)
        there = [rows[one] for one in chosen.ids if one in rows and rows[one].deleted_at is None]
        return Page(
            schedules=self.shown(there),
            total=chosen.total,
            before=chosen.before,
            last=chosen.last,
        )

    def all(self, wanted: Wanted = _ALL) -> list[Schedule]:
        """All that are wanted, newest first, as their rows say. It reads each of them."""
        ids = self._listing.ids(wanted)
        rows = self._table.many(ids)
        return [rows[one] for one in ids if one in rows]

    def of_project(
        self,
        project_id: int | None,
        most: int,
        task_types: frozenset[str] | None = None,
        *,
        but: str = "",
    ) -> tuple[int, list[Schedule]]:
        """(how many schedules a project has, the newest of them as their rows say, at most `most`);
        of the tasks given. None: those that belong to no project. Without those of single runs, and
        without the one of the id `but`, whose row is not read."""
        wanted = Wanted(
            project_id=project_id,
            of_none=project_id is None,
            task_types=task_types,
            once=False,
        )
        chosen = self._listing.choose(wanted, Sort.NEWEST, most + bool(but))
        ids = [one for one in chosen.ids if one != but][:most]
        few = self._listing.size <= _FEW or len(ids) > _FEW
        rows = self._table.many(ids) if few else self._table.scattered(ids)
        there = [rows[one] for one in ids if one in rows]
        return chosen.total, [one for one in there if one.deleted_at is None]

    def count(self, wanted: Wanted) -> Counts:
        """How many are wanted; no row is read."""
        return self._listing.count(wanted)

    def shown(self, schedules: Sequence[Schedule]) -> list[Schedule]:
        """The schedules, with the jobs counted that ended since their rows were written."""
        begun = [job.id for one in schedules for job in one.progress.live if job.begun]
        ended = self._table.ended(begun)
        return [replace(one, progress=fold(one.progress, ended)) for one in schedules]

    def due(
        self, now: datetime, limit: int, projects: Collection[int] | None = None
    ) -> list[Schedule]:
        """Schedules whose next run is due, most overdue first (C10); only of these projects."""
        entries = sorted(self._due(now, limit, projects), key=lambda entry: entry.key)
        ids = [entry.schedule_id for entry in entries[:limit]]
        rows = self._table.scattered(ids)
        return self.shown([rows[one] for one in ids if one in rows])

    def _due(self, now: datetime, limit: int, projects: Collection[int] | None) -> Iterator[Due]:
        """The first entries of each shard, at most `limit`: in all, those that are due first."""
        for shard in self._table.shards:
            if projects is None:
                yield from self._table.due(shard, now, limit)
                continue
            left = limit
            for entries in self._table.due_pages(shard, now, _PAGE):
                known = self._listing.among(entry.schedule_id for entry in entries)
                for entry in entries:
                    one = known.get(entry.schedule_id)
                    if left and one is not None and one.project_id in projects:
                        left -= 1
                        yield entry
                if not left:
                    break
