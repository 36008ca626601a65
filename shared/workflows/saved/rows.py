"""Workflows as rows of their own table.

| partition | row key | what |
|---|---|---|
| the project's number, or `none` | `workflow:{id}` | a workflow as it is |
| the same | `version:{id}:{digest}` | a version of its definition |
| `ids` | `{id}` | the project that has this id: ids are of the whole of Belfry |
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.errors import Damaged
from shared.projects import project_of
from shared.storage.tables.pending import joined, parted
from shared.workflows.interval import ScheduleConfig
from shared.workflows.saved.model import Version, Workflow

IDS = "ids"
_GARBLED = (ValueError, KeyError, TypeError, AttributeError)


def workflow_key(workflow_id: str = "") -> str:
    return f"workflow:{workflow_id}"


def version_key(workflow_id: str, digest: str = "") -> str:
    return f"version:{workflow_id}:{digest}"


def properties(workflow: Workflow) -> dict[str, Any]:
    """What the row of a workflow says."""
    said = {
        "name": workflow.name,
        "digest": workflow.digest,
        "is_active": workflow.is_active,
        "enabled": workflow.schedule.enabled,
        "interval_minutes": workflow.schedule.interval_minutes,
        "last_run_at": workflow.last_run_at and workflow.last_run_at.isoformat(),
        "last_run_id": workflow.last_run_id,
        "revision": workflow.revision,
        "saved_by": workflow.saved_by,
        "created_at": workflow.created_at.isoformat(),
        "updated_at": workflow.updated_at.isoformat(),
        "made_by": workflow.made_by,
    }
    timed = workflow.is_active and workflow.schedule.enabled
    return {"said": json.dumps(said, separators=(",", ":")), "timed": timed}


def to_workflow(row: Mapping[str, Any]) -> Workflow:
    """Raises `Damaged` if somebody wrote something else into the row."""
    try:
        said = json.loads(row["said"])
        return Workflow(
            id=str(row["RowKey"]).removeprefix(workflow_key()),
            project_id=project_of(row["PartitionKey"]),
            name=said["name"],
            digest=said["digest"],
            is_active=said["is_active"],
            schedule=ScheduleConfig(
                enabled=said["enabled"], interval_minutes=said["interval_minutes"]
            ),
            last_run_at=_instant(said["last_run_at"]),
            last_run_id=said["last_run_id"],
            revision=said["revision"],
            saved_by=said["saved_by"],
            created_at=datetime.fromisoformat(said["created_at"]),
            updated_at=datetime.fromisoformat(said["updated_at"]),
            made_by=said["made_by"],
            etag=row["etag"],
        )
    except _GARBLED as error:
        raise Damaged(f"the row {row.get('RowKey')} cannot be read: {error!r:.200}") from error


def version_properties(version: Version) -> dict[str, Any]:
    """What the row of a version says."""
    return {
        "saved_by": version.saved_by,
        "saved_at": version.saved_at.isoformat(),
        **parted(version.text),
    }


def to_version(row: Mapping[str, Any]) -> Version:
    """Raises `Damaged`."""
    try:
        return Version(
            digest=str(row["RowKey"]).rpartition(":")[2],
            saved_by=row["saved_by"],
            saved_at=datetime.fromisoformat(row["saved_at"]),
            text=joined(row) if "text0" in row else "",
        )
    except _GARBLED as error:
        raise Damaged(f"the row {row.get('RowKey')} cannot be read: {error!r:.200}") from error


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
