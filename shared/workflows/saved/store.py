"""Reads and writes workflows. Every method raises `Unavailable` or `Refused` if storage fails."""

from __future__ import annotations

import functools
import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from shared.errors import Damaged, NotFound
from shared.log import Event, event
from shared.projects import name_of, project_of
from shared.storage.connect import Connection
from shared.storage.failures import translated
from shared.storage.tables import row_keys
from shared.storage.tables.batch import Delete, Insert, Operation, Replace, Upsert
from shared.storage.tables.marked import marked, write
from shared.workflows.model import Definition
from shared.workflows.reading import read_definition
from shared.workflows.saved import rows
from shared.workflows.saved.model import Version, Workflow

_logger = logging.getLogger("belfry.workflows")
_SERVICE = "table storage"
_LISTED = ("PartitionKey", "RowKey", "saved_by", "saved_at")


class SavedWorkflows:
    """The rows."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._table = connection.table(name)
        self._read = functools.lru_cache(256)(self._definition)

    def owner(self, workflow_id: str) -> tuple[int | None] | None:
        """(the project that has this id,); None: none has it."""
        row = self._row(rows.IDS, workflow_id)
        return None if row is None else (project_of(row["project"]),)

    def get(self, workflow_id: str) -> Workflow | None:
        """The workflow of that id. Raises `Damaged`."""
        owner = self.owner(workflow_id)
        return None if owner is None else self.of_project(workflow_id, owner[0])

    def of_project(self, workflow_id: str, project_id: int | None) -> Workflow | None:
        """The workflow of that id, if it is that project's. Raises `Damaged`."""
        row = self._row(name_of(project_id), rows.workflow_key(workflow_id))
        return None if row is None else rows.to_workflow(row)

    def definition(self, workflow: Workflow) -> Definition:
        """What it does. Raises `Damaged`."""
        return self._read(name_of(workflow.project_id), workflow.id, workflow.digest)

    def all(self, projects: Collection[int] | None) -> list[Workflow]:
        """The workflows of these projects, or all, that can be read."""
        keys = row_keys.beginning(rows.workflow_key())
        if projects is None:
            return [*self._workflows(keys)]
        wheres = (row_keys.of(name_of(one), keys) for one in sorted(projects))
        return [one for where in wheres for one in self._workflows(where)]

    def timed(self) -> list[Workflow]:
        """Those that run by themselves."""
        keys = row_keys.beginning(rows.workflow_key())
        return [*self._workflows(f"{keys} and timed eq true")]

    def claim(self, workflow_id: str, project_id: int | None) -> bool:
        """Take an id for a project; False if another project has it."""
        row = Insert(workflow_id, marked({"project": name_of(project_id)}))
        if write(self._table, rows.IDS, [row]) is not None:
            return True
        return self.owner(workflow_id) == (project_id,)

    def add(self, workflow: Workflow, version: Version) -> Workflow | None:
        """Store a new workflow, whose id was claimed; None if there is one of its id."""
        said = marked(rows.properties(workflow))
        return self._written(workflow, [Insert(rows.workflow_key(workflow.id), said)], version)

    def replace(
        self, before: Workflow, after: Workflow, version: Version | None = None
    ) -> Workflow | None:
        """Replace a workflow, and add a version; None if it was changed since `before` was read."""
        key = rows.workflow_key(after.id)
        step = Replace(key, before.etag, marked(rows.properties(after)))
        return self._written(after, [step], version)

    def remove(self, workflow: Workflow) -> bool:
        """Remove a workflow, but not its versions, which runs may name; False if it was changed
        meanwhile. Its id stays its project's: it could go to another while this one makes it
        anew."""
        step = Delete(rows.workflow_key(workflow.id), workflow.etag)
        return write(self._table, name_of(workflow.project_id), [step]) is not None

    def versions(self, workflow: Workflow) -> list[Version]:
        """The versions of its definition, without their texts, the newest first."""
        keys = row_keys.beginning(rows.version_key(workflow.id))
        where = row_keys.of(name_of(workflow.project_id), keys)
        with translated(_SERVICE):
            found = [rows.to_version(row) for row in self._table.query(where, select=_LISTED)]
        return sorted(found, key=lambda one: (one.saved_at, one.digest), reverse=True)

    def version(self, workflow: Workflow, digest: str) -> Version | None:
        """One version. Raises `Damaged`."""
        row = self._row(name_of(workflow.project_id), rows.version_key(workflow.id, digest))
        return None if row is None else rows.to_version(row)

    def _definition(self, partition: str, workflow_id: str, digest: str) -> Definition:
        row = self._row(partition, rows.version_key(workflow_id, digest))
        if row is None:
            raise Damaged(f"version {digest:.12} of workflow {workflow_id} is gone")
        found = read_definition(rows.to_version(row).text)
        if found.digest != digest:
            raise Damaged(f"version {digest:.12} of workflow {workflow_id} was changed in storage")
        return found

    def _written(
        self, workflow: Workflow, steps: Sequence[Operation], version: Version | None
    ) -> Workflow | None:
        partition = name_of(workflow.project_id)
        if version is not None and self._is_new(partition, workflow.id, version.digest):
            key = rows.version_key(workflow.id, version.digest)
            steps = [*steps, Upsert(key, rows.version_properties(version))]
        etag = write(self._table, partition, steps)
        return None if etag is None else replace(workflow, etag=etag)

    def _is_new(self, partition: str, workflow_id: str, digest: str) -> bool:
        """Whether there is no such version: one that is there keeps who saved it first."""
        return self._row(partition, rows.version_key(workflow_id, digest)) is None

    def _workflows(self, where: str) -> Iterator[Workflow]:
        with translated(_SERVICE):
            found = list(self._table.query(where))
        for row in found:
            try:
                yield rows.to_workflow(row)
            except Damaged as error:  # one must not hide the others
                event(_logger, Event.WORKFLOW_UNREADABLE, level=logging.ERROR, error=str(error))

    def _row(self, partition: str, key: str) -> dict[str, Any] | None:
        with translated(_SERVICE):
            return self._table.get(partition, key)


def missing(workflow_id: str) -> NotFound:
    """There is no such workflow, or the caller does not see it."""
    return NotFound(f"there is no workflow {workflow_id!r:.60}")
