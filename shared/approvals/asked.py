"""On whose behalf a job runs, from what the audit kept of its schedule. Pure.

Those persons may not decide whether it does.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.access import ENGINE, SETTINGS
from shared.approvals.model import Asked
from shared.audit.entry import Entry
from shared.audit.port import Action
from shared.schedules.job import backfill_of, is_manual

UNKNOWN = "unknown"
_EDITS = (Action.CREATE, Action.CHANGE, Action.RESTORE)
_REQUESTS = (Action.EXECUTE, Action.RETRY, Action.BACKFILL)
_NO_PERSONS = (ENGINE.name, SETTINGS.name)


def asked_for(job_id: str, entries: Iterable[Entry]) -> Asked:
    """Who asked for that job, and who edited its schedule last. `entries`: of the schedule, the
    newest first."""
    manual, editor, requester = is_manual(job_id), "", ""
    for entry in entries:
        name = entry.by.name
        if name in _NO_PERSONS:
            continue
        if not editor and entry.subject.kind == "schedule" and entry.action in _EDITS:
            editor = name
        if not requester and entry.action in _REQUESTS and _is_for(entry, job_id):
            requester = name
        if editor and (requester or not manual):
            break
    found = (requester if manual else "") or editor or UNKNOWN
    return Asked(found, frozenset({editor, requester} - {""}))


def _is_for(entry: Entry, job_id: str) -> bool:
    """Whether what was asked for is that job."""
    after = entry.after or {}
    jobs = after.get("job_ids")
    backfill = backfill_of(job_id)
    of_backfill = backfill is not None and backfill in (after.get("id"), after.get("backfill_id"))
    return of_backfill or (isinstance(jobs, list) and job_id in jobs)
