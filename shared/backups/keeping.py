"""Retention, applied: what `retention` lets go is removed from every destination."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime

from shared.backups.catalog import Catalog
from shared.backups.entries import Backup
from shared.backups.plans import newest_good
from shared.backups.retention import Held, Verdict, decide
from shared.errors import BelfryError, Refused, Unavailable
from shared.log import Event, event
from shared.tasks.backups import Retention
from shared.tasks.context import JobContext

_logger = logging.getLogger("belfry.backups")


def verdicts(row: Sequence[Backup], retention: Retention, now: datetime) -> list[Verdict]:
    """What becomes of the backups of one row (of a plan's database), newest first."""
    return decide(
        [
            Held(
                id=one.id,
                started_at=one.summary.started_at,
                verified=one.verified,
                suspicious=bool(one.suspicions),
            )
            for one in row
        ],
        retention,
        now,
        held=on_hold(row, now),
    )


def on_hold(row: Sequence[Backup], now: datetime) -> str | None:
    """Why nothing of this row is removed: its newest proved backup is suspicious."""
    newest = newest_good(row, now)
    if newest is None or not newest.suspicions:
        return None
    return f"backup {newest.id} is suspicious: {'; '.join(newest.suspicions)}"


def clear(
    catalog: Catalog, rows: Iterable[Sequence[Backup]], retention: Retention, job: JobContext
) -> tuple[list[str], list[str]]:
    """Remove what retention lets go: (the ids of those removed, what kept others from it)."""
    removed: list[str] = []
    failed: list[str] = []
    for row in rows:
        if reason := on_hold(row, job.clock.now()):
            event(
                _logger,
                Event.RETENTION_HELD,
                level=logging.WARNING,
                schedule_id=job.schedule_id,
                job_id=job.job_id,
                reason=reason,
            )
        known = {one.id: one for one in row}
        for verdict in verdicts(row, retention, job.clock.now()):
            if verdict.keep:
                continue
            job.check()
            failures = remove(catalog, known[verdict.id])
            failed += failures
            if not failures:
                removed.append(verdict.id)
                job.log("removed", backup_id=verdict.id, reason="; ".join(verdict.reasons))
    return removed, failed


def remove(catalog: Catalog, backup: Backup) -> list[str]:
    """Remove every copy of a backup; what kept some from it."""
    failed = []
    for copy in backup.copies:
        try:
            names = [item.name for item in copy.items]
            catalog[copy.destination].remove(copy.blob, names)
        except (Unavailable, Refused) as error:
            failed.append(_said(error, copy.destination))
    return failed


def _said(error: BelfryError, destination: str) -> str:
    return f"{destination}: {error}"
