"""Status pages as rows of the table of schedules, in a partition of their own: `page:{slug}`, and
`in:{roll}:{place}` in the rolls that list it (`shared.storage.tables.roll`). So a state backup has
them. Every method raises `Unavailable` or `Refused` if storage fails."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from shared.errors import Damaged
from shared.probes.pages import ShownCheck, StatusPage
from shared.projects import name_of
from shared.storage.failures import translated
from shared.storage.tables.batch import Delete, Insert, Replace
from shared.storage.tables.marked import marked, write
from shared.storage.tables.roll import Roll, Rolls, added, removed, rolls_for, rolls_of
from shared.storage.tables.roll_counts import Wanted, left
from shared.storage.tables.table import Table
from shared.threads import Pool

PARTITION = "status_pages"
_SERVICE = "table storage"
_PREFIX = "page:"
_KIND = "page"
_AT_ONCE = 8


class PageStore:
    """The rows."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rolls = Rolls(table, PARTITION)

    def get(self, slug: str) -> StatusPage | None:
        """Raises `Damaged`."""
        with translated(_SERVICE):
            row = self._table.get(PARTITION, f"{_PREFIX}{slug}")
        return None if row is None else _page(row)

    def page(
        self, projects: Collection[int] | None, skip: int, size: int
    ) -> tuple[list[StatusPage], int]:
        """(the pages of these projects after the first `skip`, newest first; how many there are).
        `projects`: None for all, and for pages of none. Raises `Damaged`."""
        owners = None if projects is None else map(name_of, projects)
        found = self._rolls.page(rolls_for(owners, None), Wanted(), skip, size)
        slugs = [place.partition("-")[2] for _, place in found.places]
        with Pool(_AT_ONCE, "pages") as pool:
            return [one for one in pool.map(self.get, slugs) if one is not None], found.total

    def count(self, project_id: int | None) -> int:
        """How many pages the project has."""
        (roll,) = rolls_for([name_of(project_id)], None)
        return self._rolls.count(roll)

    def add(self, page: StatusPage) -> bool:
        """Store a new page; False if there is one of its name."""
        step = Insert(f"{_PREFIX}{page.slug}", _row(page))
        place, rolls = _place(page), _rolls(page)
        listed = [Insert(roll.rows + place, {}) for roll in rolls]
        return self._rolls.write([step, *listed], added(rolls, place, _KIND)) is not None

    def write(self, page: StatusPage) -> bool:
        """Replace a page; False if it was changed since it was read."""
        step = Replace(f"{_PREFIX}{page.slug}", page.etag, _row(page))
        return write(self._table, PARTITION, [step]) is not None

    def remove(self, page: StatusPage) -> bool:
        """Remove a page; False if it was changed since it was read."""
        step = Delete(f"{_PREFIX}{page.slug}", page.etag)
        place, rolls = _place(page), _rolls(page)
        listed = [Delete(roll.rows + place) for roll in rolls]
        return self._rolls.write([step, *listed], removed(rolls, place, _KIND)) is not None


def _place(page: StatusPage) -> str:
    return f"{left(page.created_at)}-{page.slug}"


def _rolls(page: StatusPage) -> list[Roll]:
    return rolls_of(name_of(page.project_id), "")


def _row(page: StatusPage) -> dict[str, Any]:
    checks = [[one.schedule_id, one.name] for one in page.checks]
    said = {
        "project_id": "" if page.project_id is None else str(page.project_id),
        "title": page.title,
        "description": page.description,
        "checks": json.dumps(checks),
        "revision": page.revision,
        "created_at": page.created_at.isoformat(),
        "updated_at": page.updated_at.isoformat(),
    }
    return marked(said)


def _page(row: Mapping[str, Any]) -> StatusPage:
    try:
        return StatusPage(
            slug=str(row["RowKey"]).removeprefix(_PREFIX),
            project_id=int(row["project_id"]) if row["project_id"] else None,
            title=row["title"],
            description=row["description"],
            checks=tuple(
                ShownCheck(schedule_id=str(one), name=str(name))
                for one, name in json.loads(row["checks"])
            ),
            revision=int(row["revision"]),
            created_at=datetime.fromisoformat(row["created_at"]),
            updated_at=datetime.fromisoformat(row["updated_at"]),
            etag=row["etag"],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"the row {row.get('RowKey')} cannot be read: {error!r:.200}") from error
