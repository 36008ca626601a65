"""Which runs there are: a roll of them for lists. It follows the runs' rows and decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.projects import name_of
from shared.storage.failures import translated
from shared.storage.tables.batch import Delete, Insert, Operation, Replace, Upsert
from shared.storage.tables.marked import marked
from shared.storage.tables.roll import Page, Roll, Rolls, added, removed, rolls_for, rolls_of
from shared.storage.tables.roll_counts import Wanted, left
from shared.storage.tables.table import Table
from shared.workflows.state import OPEN, Run, RunStatus

PARTITION = "workflow_runs"
_SERVICE = "table storage"
_OPEN = "open"
"""The kind of a run that has not ended; afterwards it is the run's status."""
_ARCHIVED = "archived:"
"""Before the status of a run that is in a file."""
_MOVING = "archiving:"
"""Before the status of a run that is in a file, and of which rows may be left."""


ENDED_KINDS = frozenset(one.value for one in set(RunStatus) - OPEN)
_KEPT = ("owner", "workflow_id", "started_at", "file", "sha256")
"""What the row of a run that is in a file says besides its kind."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a run was moved to."""

    name: str
    """Of the blob."""
    sha256: str


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

    def add(self, run: Run) -> bool:
        """Add a run that is about to begin; False if it was there before."""
        place, rolls = _place(run), _rolls(run)
        steps: list[Operation] = [Insert(run.id, marked(_row(run, _OPEN)))]
        steps += [Insert(one.rows + place, {"kind": _OPEN}) for one in rolls]
        return self._rolls.write(steps, added(rolls, place, _OPEN)) is not None

    def turn(self, run: Run) -> bool:
        """Say what became of a run: it ended, or goes on; whether that is news. Harmless to
        repeat, also late: it does not take back that the run is in a file."""
        kind = _OPEN if run.is_open else run.status.value
        return self._turned(run, kind, {}, but=_MOVING + kind)

    def moving(self, run: Run, name: str, sha256: str) -> bool:
        """Say that a run is in a file, and that its rows go; False if it could not be said."""
        kind, said = _MOVING + run.status.value, Entry(name, sha256)
        news = self._turned(run, kind, {"file": name, "sha256": sha256})
        return news or self.archived(run.id) == said

    def moved(self, run_id: str) -> None:
        """Say that nothing is left of a run but its file; harmless to repeat."""
        row = self._row(run_id)
        if row is None or not row["kind"].startswith(_MOVING):
            return
        kind = _ARCHIVED + row["kind"].removeprefix(_MOVING)
        place, rolls = _place_of(run_id, row), rolls_of(row["owner"], row["workflow_id"])
        said = {name: row[name] for name in _KEPT}
        self._turn(run_id, row, marked({**said, "kind": kind}), place, rolls)

    def archived(self, run_id: str) -> Entry | None:
        """Where a run was moved to; None if it was not."""
        row = self._row(run_id)
        if row is None or not row["kind"].startswith((_ARCHIVED, _MOVING)):
            return None
        return Entry(str(row["file"]), str(row["sha256"]))

    def unarchived(self, border: datetime, skip: int, size: int) -> list[str]:
        """Runs that began before then, have ended, and are in no file, or not only there."""
        kinds = [*ENDED_KINDS, *(_MOVING + one for one in ENDED_KINDS)]
        return self.page(None, None, kinds, skip, size, until=border, archived=False).run_ids

    def open(self, border: datetime, skip: int, size: int) -> list[str]:
        """Runs that began before then and have not ended."""
        return self.page(None, None, [_OPEN], skip, size, until=border).run_ids

    def forget(self, run_id: str) -> None:
        """Take a run from the list that was never begun: its process was killed before."""
        row = self._row(run_id)
        if row is None:
            return
        place = _place_of(run_id, row)
        rolls = rolls_of(row["owner"], row["workflow_id"])
        steps: list[Operation] = [Delete(run_id, row["etag"])]
        steps += [Delete(one.rows + place) for one in rolls]
        self._rolls.write(steps, removed(rolls, place, row["kind"]))

    def _turned(self, run: Run, kind: str, more: Mapping[str, str], but: str = "") -> bool:
        row, said = self._row(run.id), {**_row(run, kind), **more}
        if (
            row is None
            or row["kind"] == but
            or all(row.get(name) == value for name, value in said.items())
        ):
            return False
        return self._turn(run.id, row, marked(said), _place(run), _rolls(run))

    def _turn(
        self,
        run_id: str,
        row: Mapping[str, Any],
        said: Mapping[str, Any],
        place: str,
        rolls: list[Roll],
    ) -> bool:
        kind = said["kind"]
        steps: list[Operation] = [Replace(run_id, row["etag"], said)]
        steps += [Upsert(one.rows + place, {"kind": kind}) for one in rolls]
        changes = [*removed(rolls, place, row["kind"]), *added(rolls, place, kind)]
        return self._rolls.write(steps, changes) is not None

    def _row(self, run_id: str) -> dict[str, Any] | None:
        with translated(_SERVICE):
            return self._table.get(PARTITION, run_id)

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
        archived: bool = True,
    ) -> Places:
        """The runs of these projects (None: of all) and that workflow, newest first. `kinds`:
        `open`, or statuses of runs that have ended. `archived`: also those in files."""
        owners = None if projects is None else map(name_of, projects)
        if kinds is not None and archived:
            kinds = [before + one for one in kinds for before in ("", _MOVING, _ARCHIVED)]
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


def _place_of(run_id: str, row: Mapping[str, Any]) -> str:
    return f"{left(datetime.fromisoformat(row['started_at']))}-{run_id}"


def _rolls(run: Run) -> list[Roll]:
    return rolls_of(name_of(run.project_id), run.workflow_id)


def _row(run: Run, kind: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "owner": name_of(run.project_id),
        "workflow_id": run.workflow_id,
        "started_at": run.started_at.isoformat(),
    }
