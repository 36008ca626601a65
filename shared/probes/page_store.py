"""Status pages as rows of the table of schedules, in a partition of their own: `page:{slug}`. So
a state backup has them. Every method raises `Unavailable` or `Refused` if storage fails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.errors import Damaged
from shared.probes.pages import ShownCheck, StatusPage
from shared.storage.failures import translated
from shared.storage.tables import row_keys
from shared.storage.tables.batch import Delete, Insert, Operation, Replace
from shared.storage.tables.marked import marked, write
from shared.storage.tables.table import Table

PARTITION = "status_pages"
_SERVICE = "table storage"
_PREFIX = "page:"


class PageStore:
    """The rows."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, slug: str) -> StatusPage | None:
        """Raises `Damaged`."""
        with translated(_SERVICE):
            row = self._table.get(PARTITION, f"{_PREFIX}{slug}")
        return None if row is None else _page(row)

    def all(self) -> list[StatusPage]:
        """Every page. Raises `Damaged`."""
        where = row_keys.of(PARTITION, row_keys.beginning(_PREFIX))
        with translated(_SERVICE):
            rows = list(self._table.query(where))
        return [_page(row) for row in rows]

    def add(self, page: StatusPage) -> bool:
        """Store a new page; False if there is one of its name."""
        return self._change(Insert(f"{_PREFIX}{page.slug}", _row(page)))

    def write(self, page: StatusPage) -> bool:
        """Replace a page; False if it was changed since it was read."""
        return self._change(Replace(f"{_PREFIX}{page.slug}", page.etag, _row(page)))

    def remove(self, page: StatusPage) -> bool:
        """Remove a page; False if it was changed since it was read."""
        return self._change(Delete(f"{_PREFIX}{page.slug}", page.etag))

    def _change(self, step: Operation) -> bool:
        return write(self._table, PARTITION, [step]) is not None


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
