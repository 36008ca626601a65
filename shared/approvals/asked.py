"""On whose behalf a job runs, from what the audit kept of its schedule. Pure.

Those persons may not decide whether it does.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.access import ENGINE, SETTINGS
from shared.approvals.model import Asked
from shared.audit.entry import Entry, Who
from shared.audit.port import Action
from shared.schedules.job import backfill_of, is_manual

UNKNOWN = "unknown"
BATCH = "task:batch"
"""Who changes and runs schedules for a batch; its request is the batch's job."""
_EDITS = (Action.CREATE, Action.CHANGE, Action.RESTORE)
_REQUESTS = (Action.EXECUTE, Action.RETRY, Action.BACKFILL)
_NO_PERSONS = (ENGINE.name, SETTINGS.name)


def asked_for(job_id: str, entries: Iterable[Entry]) -> Asked:
    """Who asked for that job, and who edited its schedule last. `entries`: of the schedule, the
    newest first."""
    manual = is_manual(job_id)
    editor: Who | None = None
    requester: Who | None = None
    for entry in entries:
        if entry.by.name in _NO_PERSONS:
            continue
        if editor is None and entry.subject.kind == "schedule" and entry.action in _EDITS:
            editor = entry.by
        if requester is None and entry.action in _REQUESTS and _is_for(entry, job_id):
            requester = entry.by
        if editor is not None and (requester is not None or not manual):
            break
    known = [one for one in (requester, editor) if one is not None]
    return Asked(
        known[0].name if known else UNKNOWN,
        frozenset(one.name for one in known),
        frozenset(one.request_id for one in known if one.name == BATCH and one.request_id),
    )


def _is_for(entry: Entry, job_id: str) -> bool:
    """Whether what was asked for is that job."""
    after = entry.after or {}
    jobs = after.get("job_ids")
    backfill = backfill_of(job_id)
    of_backfill = backfill is not None and backfill in (after.get("id"), after.get("backfill_id"))
    return of_backfill or (isinstance(jobs, list) and job_id in jobs)
