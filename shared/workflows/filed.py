"""A run as a file: JSON that people can read, with all that was stored of the run. Pure.

`run` is its row, with what it was given (`given`) and its `steps`; `definition` is the version that
it began with; `jobs` are those of its steps, as `GET /api/v1/jobs/{id}` names their fields;
`events` are those that came for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.errors import Damaged
from shared.schedules.job import Job
from shared.storage.tables import entities
from shared.storage.tables.pending import parted
from shared.workflows.rows import body, head, head_key, run_of_row
from shared.workflows.state import Run
from shared.workflows.store import Arrived

_LONG = ("given", "steps", "redone_by")
"""What the row of a run has as one JSON (`rows.body`)."""
_OBJECTS = ("parameters", "result", "tags")
"""What the row of a job has as JSON."""


@dataclass(frozen=True, slots=True)
class Archived:
    """A run in a file. The run has no ETag."""

    run: Run
    jobs: Sequence[Job]
    events: Sequence[Arrived]


def written(run: Run, text: str, jobs: Iterable[Job], events: Iterable[Arrived]) -> bytes:
    """The file; `text`: the definition's canonical JSON. The same run gives the same bytes."""
    arrived = sorted(events, key=lambda one: (one.at, one.key))
    said = {
        "run": {"id": run.id, **head(run), **body(run)},
        "definition": json.loads(text),
        "jobs": [_of_job(one) for one in jobs],
        "events": [_of_event(one) for one in arrived],
    }
    return json.dumps(said, sort_keys=True, indent=1).encode()


def read(run_id: str, data: bytes) -> Archived:
    """The run of a file. Raises `Damaged`."""
    try:
        said = json.loads(data)
        row = said["run"]
        long = {name: row.pop(name) for name in _LONG if name in row}
        row |= {"RowKey": head_key(run_id), "etag": "", **parted(json.dumps(long))}
        return Archived(
            run_of_row(row),
            [_to_job(one) for one in said["jobs"]],
            [_to_event(one) for one in said["events"]],
        )
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise Damaged(f"the file of run {run_id} cannot be read: {error!r:.200}") from error


def _of_job(job: Job) -> dict[str, Any]:
    row = entities.job_properties(job)
    return {
        name: json.loads(value) if name in _OBJECTS and value else value
        for name, value in row.items()
    }


def _to_job(said: Mapping[str, Any]) -> Job:
    row = {
        name: json.dumps(value) if name in _OBJECTS and value != "" else value
        for name, value in said.items()
    }
    return entities.to_job(row)


def _of_event(one: Arrived) -> dict[str, Any]:
    return {
        "key": one.key,
        "name": one.name,
        "at": one.at.isoformat(),
        "data": dict(one.data),
        "taken_by": one.taken_by,
    }


def _to_event(said: Mapping[str, Any]) -> Arrived:
    return Arrived(
        key=said["key"],
        name=said["name"],
        data=said["data"],
        at=datetime.fromisoformat(said["at"]),
        taken_by=said["taken_by"],
        etag="",
    )
