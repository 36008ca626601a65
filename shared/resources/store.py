"""Reads and writes the rows of resources. Every method raises `Unavailable` or `Refused` if storage
fails."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Generic, TypeVar

from shared.errors import Damaged
from shared.log import Event, event
from shared.projects import name_of, project_of
from shared.resources import rows
from shared.resources.model import Described, Kind, Resource
from shared.secrets.port import Owner
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.tables import row_keys
from shared.storage.tables.batch import Delete, Insert, Operation, Replace, literal
from shared.storage.tables.marked import marked, write
from shared.storage.tables.table import Table

_logger = logging.getLogger("belfry.resources")
_SERVICE = "table storage"

D = TypeVar("D", bound=Described)


@dataclass(frozen=True, slots=True)
class Page(Generic[D]):
    """A page of a list."""

    items: Sequence[Resource[D]]
    total: int


class Store:
    """The rows."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._table: Table = connection.table(name)

    def get(
        self, kind: Kind, model: type[D], resource_id: str, project_id: int | None
    ) -> Resource[D] | None:
        """The resource, without its secrets. Raises `Damaged`."""
        with translated(_SERVICE):
            row = self._table.get(name_of(project_id), rows.key(kind, resource_id))
        return None if row is None else rows.to_resource(row, model)

    def projects_with(self, kind: Kind, resource_id: str) -> list[int | None]:
        """The projects that have a resource of this id. Storage looks at every row."""
        where = f"RowKey eq {literal(rows.key(kind, resource_id))}"
        with translated(_SERVICE):
            found = [*self._table.query(where, select=("PartitionKey",))]
        return [project_of(row["PartitionKey"]) for row in found]

    def of_project(self, kind: Kind, model: type[D], project_id: int | None) -> list[Resource[D]]:
        """Those of the project that can be read, by their ids."""
        where = row_keys.of(name_of(project_id), _span(kind))
        with translated(_SERVICE):
            found = [*self._table.query(where)]
        return [made for row in found if (made := _readable(row, model)) is not None]

    def count(self, project_id: int | None) -> int:
        """How many resources of any kind the project has."""
        where = f"PartitionKey eq {literal(name_of(project_id))}"
        with translated(_SERVICE):
            return sum(1 for _ in self._table.query(where, select=("RowKey",)))

    def page(
        self,
        kind: Kind,
        model: type[D],
        projects: Collection[int] | None,
        start: int,
        size: int,
    ) -> Page[D]:
        """So many from number `start` on, in the order of projects (as text) and ids. None: of all
        projects, and of none; then storage looks at every row. Only those of the page are kept in
        memory."""
        kept: list[dict[str, Any]] = []
        total = 0
        for total, row in enumerate(self._keys(kind, projects), start=1):
            if start < total <= start + size:
                kept.append(row)
        made = [_readable(row, model) for row in self._stretches(kept)]
        return Page([one for one in made if one is not None], total)

    def _stretches(self, keys: Sequence[Mapping[str, str]]) -> Iterator[dict[str, Any]]:
        """The rows of these keys, which are in order: one request for each partition."""
        for partition, group in groupby(keys, key=lambda one: one["PartitionKey"]):
            wanted = [one["RowKey"] for one in group]
            where = (
                f"PartitionKey eq {literal(partition)} and RowKey ge {literal(wanted[0])} and "
                f"RowKey le {literal(wanted[-1])}"
            )
            with translated(_SERVICE):
                found = self._table.query(where)
                yield from (row for row in found if row["RowKey"] in wanted)

    def named(self) -> Iterator[tuple[Owner, str]]:
        """Each resource that has secrets, and under which name they are."""
        with translated(_SERVICE):
            found = self._table.query("ref gt ''", select=("PartitionKey", "RowKey", "ref"))
            for row in found:
                kind, _, name = row["RowKey"].partition(":")
                project = project_of(row["PartitionKey"])
                yield Owner(kind=kind, id=name, project_id=project), row["ref"]

    def ref_of(self, owner: Owner) -> str | None:
        """Under which name its secrets are now; None if it is gone."""
        row = self._row(name_of(owner.project_id), f"{owner.kind}:{owner.id}")
        return None if row is None else str(row.get("ref", ""))

    def add(self, resource: Resource[D]) -> bool:
        """Store a new one; False if there is one of its id."""
        step = Insert(rows.key(resource.kind, resource.id), _marked(resource))
        return self._transact(resource, step)

    def write(self, before: Resource[D], after: Resource[D]) -> bool:
        """Replace one; False if it was changed or removed since `before` was read."""
        key = rows.key(after.kind, after.id)
        return self._transact(after, Replace(key, before.etag, _marked(after)))

    def remove(self, resource: Resource[D]) -> bool:
        """Remove one; False if it was changed or removed since it was read."""
        return self._transact(resource, Delete(rows.key(resource.kind, resource.id), resource.etag))

    def _keys(self, kind: Kind, projects: Collection[int] | None) -> Iterator[dict[str, Any]]:
        select = ("PartitionKey", "RowKey")
        if projects is None:
            with translated(_SERVICE):
                yield from self._table.query(_span(kind), select=select)
            return
        for partition in sorted(map(name_of, projects)):
            where = row_keys.of(partition, _span(kind))
            with translated(_SERVICE):
                yield from self._table.query(where, select=select)

    def _row(self, partition: str, key: str) -> dict[str, Any] | None:
        with translated(_SERVICE):
            return self._table.get(partition, key)

    def _transact(self, resource: Resource[D], step: Operation) -> bool:
        return write(self._table, name_of(resource.project_id), [step]) is not None


def _span(kind: Kind) -> str:
    return row_keys.beginning(rows.key(kind))


def _marked(resource: Resource[D]) -> dict[str, Any]:
    return marked(rows.properties(resource))


def _readable(row: dict[str, Any], model: type[D]) -> Resource[D] | None:
    """The resource in a row. One that cannot be read must not hide the others."""
    try:
        return rows.to_resource(row, model)
    except Damaged as error:
        event(_logger, Event.RESOURCE_UNREADABLE, level=logging.ERROR, error=str(error))
        return None
