"""Runs as rows of the table of schedules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from shared.errors import Damaged
from shared.storage.tables.pending import joined, parted
from shared.workflows.state import Fan, Run, RunStatus, StepState, StepStatus

_GARBLED = (ValueError, KeyError, TypeError, AttributeError)
_STEP_TIMES = ("started_at", "ended_at", "undone_at")
_DEFAULTS = {one.name: one.default for one in fields(StepState)}
_FAN = {one.name: one.default for one in fields(Fan)}


def head_key(run_id: str) -> str:
    """The row that says how a run stands."""
    return f"run:{run_id}"


def items_key(run_id: str, number: int) -> str:
    """The row with the items of a `foreach`."""
    return f"run:{run_id}:items:{number:03d}"


def event_key(run_id: str, name: str, event_id: str) -> str:
    """The row of an event that came for a run; `event_id`: a hash of the sender's id."""
    return f"run:{run_id}:event:{name}:{event_id}"


def properties(run: Run) -> dict[str, Any]:
    """What the row of a run says."""
    return {**head(run), **parted(json.dumps(body(run), separators=(",", ":")))}


def body(run: Run) -> dict[str, Any]:
    """What of a run may be long: what it was given, and its steps."""
    steps = {step_id: _step(one) for step_id, one in run.steps.items()}
    said: dict[str, Any] = {"given": run.given, "steps": steps}
    if run.redone_by:
        said["redone_by"] = sorted(run.redone_by)
    return said


def head(run: Run) -> dict[str, Any]:
    """What of a run is short."""
    return {
        "workflow_id": run.workflow_id,
        "name": run.name,
        "digest": run.digest,
        "project_id": "" if run.project_id is None else str(run.project_id),
        "requested_by": run.requested_by,
        "saved_by": run.saved_by,
        "parent": run.parent,
        "depth": run.depth,
        "status": run.status.value,
        "outcome": run.outcome.value if run.outcome else "",
        "compensates": run.compensates,
        "reason": run.reason,
        "redone": run.redone,
        "started_at": run.started_at.isoformat(),
        "ended_at": _text(run.ended_at),
        "deadline": _text(run.deadline),
    }


def run_of_row(row: Mapping[str, Any]) -> Run:
    """The run of a row. Raises `Damaged`."""
    try:
        said = json.loads(joined(row))
        return Run(
            id=str(row["RowKey"]).removeprefix("run:"),
            workflow_id=row["workflow_id"],
            name=row["name"],
            digest=row["digest"],
            project_id=int(row["project_id"]) if row["project_id"] else None,
            given=said["given"],
            requested_by=row["requested_by"],
            saved_by=row["saved_by"],
            parent=row["parent"],
            depth=int(row["depth"]),
            status=RunStatus(row["status"]),
            outcome=RunStatus(row["outcome"]) if row["outcome"] else None,
            compensates=bool(row["compensates"]),
            reason=row["reason"],
            redone=int(row["redone"]),
            redone_by=frozenset(said.get("redone_by", ())),
            started_at=datetime.fromisoformat(row["started_at"]),
            ended_at=_instant(row["ended_at"]),
            deadline=_instant(row["deadline"]),
            steps={step_id: _to_step(one) for step_id, one in said["steps"].items()},
            etag=row["etag"],
        )
    except _GARBLED as error:
        raise Damaged(f"the row {row.get('RowKey')} cannot be read: {error!r:.200}") from error


def _step(state: StepState) -> dict[str, Any]:
    """What differs from a step that waits."""
    said: dict[str, Any] = {
        name: value
        for name in _DEFAULTS
        if (value := getattr(state, name)) != _DEFAULTS[name] and value is not None
    }
    for name in _STEP_TIMES:
        if name in said:
            said[name] = said[name].isoformat()
    for name in ("work", "undo"):
        if name in said:
            said[name] = _fan(said[name])
    return said


def _fan(fan: Fan) -> dict[str, Any]:
    return {name: value for name in _FAN if (value := getattr(fan, name)) != _FAN[name]}


def _to_step(said: Mapping[str, Any]) -> StepState:
    known: dict[str, Any] = {name: value for name, value in said.items() if name in _DEFAULTS}
    for name in _STEP_TIMES:
        if name in known:
            known[name] = datetime.fromisoformat(known[name])
    for name in ("work", "undo"):
        if name in known:
            known[name] = _to_fan(known[name])
    made = StepState(**known)
    return replace(made, status=StepStatus(made.status))


def _to_fan(said: Mapping[str, Any]) -> Fan:
    known: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in said.items()
        if name in _FAN
    }
    return Fan(**known)


def _text(at: datetime | None) -> str:
    return "" if at is None else at.isoformat()


def _instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
