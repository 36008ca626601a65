"""Schedules: which there are, in the order of their ids; and as rows, the newest first."""

from __future__ import annotations

from collections.abc import Iterator

from shared.engine.records.lists import Lists
from shared.exports.kinds import Row
from shared.exports.reading import Wanted
from shared.listing.listing import Listing
from shared.listing.wanted import Sort
from shared.listing.wanted import Wanted as Listed
from shared.schedules.listed import state
from shared.schedules.model import Schedule

_PAGE = 200


def schedule_ids(listing: Listing, wanted: Wanted, *, tagged: bool = False) -> list[str]:
    """The schedules of the project that there are, or were until the span began. `tagged`: those
    alone that have the tags now."""
    found = listing.ids(
        Listed(
            projects=wanted.projects,
            tags=tuple(sorted(wanted.tags.items())) if tagged else (),
            deleted_since=wanted.span.since,
        )
    )
    asked = set(wanted.schedule_ids)
    return sorted(one for one in found if not asked or one in asked)


class ScheduleRows:
    """Schedules as they are now, but for those that were made after the due time."""

    def __init__(self, lists: Lists) -> None:
        self._lists = lists

    def rows(self, wanted: Wanted) -> Iterator[Row]:
        """As `reading.Reader` has it."""
        asked = set(wanted.schedule_ids)
        for one in self._all(wanted):
            mine = wanted.project_id in (None, one.definition.project_id)
            if mine and (not asked or one.id in asked) and wanted.has(state(one).value):
                yield _row(one)

    def _all(self, wanted: Wanted) -> Iterator[Schedule]:
        filter = Listed(
            projects=wanted.projects, tags=tuple(sorted(wanted.tags.items())), once=False
        )
        page = self._lists.page(filter, Sort.NEWEST, _PAGE)
        done = 0
        while True:
            wanted.check()
            yield from (one for one in page.schedules if one.created_at <= wanted.as_of)
            done += _PAGE
            wanted.progress(done, max(page.total, 1))
            if page.last is None:
                return
            page = self._lists.page(filter, Sort.NEWEST, _PAGE, after=page.last)


def _row(one: Schedule) -> Row:
    what, progress = one.definition, one.progress
    return (
        one.id,
        what.name,
        what.project_id,
        what.task_type,
        state(one).value,
        what.enabled,
        what.recurrence.frequency.value,
        what.recurrence.timezone,
        progress.next_run_at,
        progress.last_run_at,
        progress.success_count,
        progress.failure_count,
        progress.skipped_count,
        progress.missed_count,
        ", ".join(
            f"{name}={value}" if value else name for name, value in sorted(what.tags.items())
        ),
        one.created_at,
    )
