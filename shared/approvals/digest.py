"""The digests of approvals: whoever approves, approves exactly these bytes. Pure.

A content is what a job will do. A digest is that and its deadline: it is shown to the person, comes
back with the answer, and is compared once more when the job starts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from shared.audit.entry import canonical
from shared.log import instant
from shared.tasks import Impact
from shared.tasks.preview import Preview


def content_of(
    *,
    project_id: int | None,
    schedule_id: str,
    job_id: str,
    task: str,
    impact: Impact,
    parameters: Mapping[str, object],
    preview: Preview,
) -> str:
    """SHA-256 in hex of the canonical JSON of all that a job will do. `parameters` are resolved:
    with their defaults, and no expression left."""
    said = {
        "project": project_id,
        "schedule": schedule_id,
        "job": job_id,
        "task": task,
        "impact": impact.value,
        "parameters": dict(parameters),
        "preview": asdict(preview) | {"facts": dict(preview.facts)},
    }
    return _hash(canonical(said))


def digest_of(content: str, expires_at: datetime) -> str:
    """SHA-256 in hex of the content and its deadline."""
    said = {"content": content, "expires_at": instant(expires_at, "microseconds")}
    return _hash(canonical(said))


def id_of(job_id: str, content: str, number: int) -> str:
    """The id of a job's approval of that number: who asks twice asks for one."""
    return "a" + _hash(canonical([job_id, content, number]))[:24]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
