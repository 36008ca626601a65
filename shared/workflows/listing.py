"""Which runs there are: a roll of them for lists. It follows the runs' rows and decides nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.projects import name_of
from shared.storage.failures import translated
from shared.storage.tables.batch import Insert, Operation, Replace, Upsert
from shared.storage.tables.marked import marked
from shared.storage.tables.roll import Page, Roll, Rolls, added, removed, rolls_for, rolls_of
from shared.storage.tables.roll_counts import Wanted, left
from shared.storage.tables.table import Table
from shared.workflows.state import Run

PARTITION = "workflow_runs"
_SERVICE = "table storage"
_OPEN = "open"
"""The kind of a run that has not ended; afterwards it is the run's status."""


@dataclass(frozen=True, slots=True)
class Places:
    """A page of runs."""

    run_ids: list[str]
    total: int


class RunRoll:
    """The roll. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rolls = Rolls(table, PARTITION)

    def add(self, run: Run) -> None:
        """Add a run that is about to begin; harmless to repeat."""
        place, rolls = _place(run), _rolls(run)
        steps: list[Operation] = [Insert(run.id, marked(_row(run, _OPEN)))]
        steps += [Insert(one.rows + place, {"kind": _OPEN}) for one in rolls]
        self._rolls.write(steps, added(rolls, place, _OPEN))

    def turn(self, run: Run) -> None:
        """Say what became of a run: it ended, or goes on; harmless to repeat."""
        kind = _OPEN if run.is_open else run.status.value
        with translated(_SERVICE):
            row = self._table.get(PARTITION, run.id)
        if row is None or row["kind"] == kind:
            return
        place, rolls = _place(run), _rolls(run)
        steps: list[Operation] = [Replace(run.id, row["etag"], marked(_row(run, kind)))]
        steps += [Upsert(one.rows + place, {"kind": kind}) for one in rolls]
        changes = [*removed(rolls, place, row["kind"]), *added(rolls, place, kind)]
        self._rolls.write(steps, changes)

    def page(
        self,
        projects: Collection[int] | None,
        workflow_id: str | None,
        kinds: Collection[str] | None,
        skip: int,
        size: int,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Places:
        """The runs of these projects (None: of all) and that workflow, newest first. `kinds`:
        `open`, or statuses of runs that have ended."""
        owners = None if projects is None else map(name_of, projects)
        where = " or ".join(f"kind eq '{one}'" for one in sorted(kinds)) if kinds else ""
        wanted = Wanted(since=since, until=until, kinds=kinds, where=where)
        found: Page = self._rolls.page(rolls_for(owners, workflow_id), wanted, skip, size)
        return Places([place.partition("-")[2] for _, place in found.places], found.total)

    def count(
        self,
        projects: Collection[int] | None,
        kinds: Collection[str] | None,
        since: datetime | None = None,
        until: datetime | None = None,
        workflow_id: str | None = None,
    ) -> int:
        """How many there are, as `page` says."""
        return self.page(projects, workflow_id, kinds, 0, 1, since=since, until=until).total


def _place(run: Run) -> str:
    return f"{left(run.started_at)}-{run.id}"


def _rolls(run: Run) -> list[Roll]:
    return rolls_of(name_of(run.project_id), run.workflow_id)


def _row(run: Run, kind: str) -> dict[str, Any]:
    return {"kind": kind, "workflow_id": run.workflow_id, "started_at": run.started_at.isoformat()}
