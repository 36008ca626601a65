"""Retention, applied: backups that `rules.retention` no longer keeps are removed everywhere."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from shared.backups.model import Outcome
from shared.backups.params import Retention
from shared.backups.rules.retention import Held, Verdict, decide
from shared.backups.status.plans import newest_good
from shared.backups.store.catalog import Catalog, Found
from shared.backups.store.entries import Backup
from shared.errors import BelfryError, Refused, Unavailable
from shared.log import Event, event
from shared.storage.blobs.stream import go_on
from shared.tasks.context import JobContext

_logger = logging.getLogger("belfry.backups")


def verdicts(row: Sequence[Backup], retention: Retention, now: datetime) -> list[Verdict]:
    """The verdicts on the backups of one row (those of one database of a plan), newest first."""
    held, reason = [_held(one) for one in row], on_hold(row, now)
    broken_off = {one.id for one in row if all(copy.state == "unproved" for copy in one.copies)}
    return [
        _broken_off(one, held, retention, now, reason) or one if one.id in broken_off else one
        for one in decide(held, retention, now, held=reason)
    ]


def _held(one: Backup) -> Held:
    reports = (report for copy in one.copies for report in copy.reports)
    damaged = [report.at for report in reports if report.outcome is Outcome.DAMAGED]
    return Held(
        id=one.id,
        started_at=one.summary.started_at,
        verified=one.verified,
        suspicious=bool(one.suspicions),
        damaged_at=max(damaged, default=None),
        unprovable=one.unprovable,
        proved_once=one.proved_once,
    )


def _broken_off(
    one: Verdict, held: Sequence[Held], retention: Retention, now: datetime, reason: str | None
) -> Verdict | None:
    """A second verdict on a backup that has no report, for instance because its removal was
    interrupted; None if the first one stands.

    There is nothing to examine, so it is kept only as long as if it were proved: a proof that it
    has lost may be made again. It is removed only if a newer backup is proved.
    """
    this = next(each for each in held if each.id == one.id)
    newer = [each for each in held if each.verified and this.started_at < each.started_at <= now]
    if not one.keep or not newer:
        return None
    proved = [replace(each, verified=True) if each is this else each for each in held]
    then = next(each for each in decide(proved, retention, now, held=reason) if each.id == one.id)
    if then.keep:
        return None
    return Verdict(id=one.id, keep=False, reasons=("not proved, and broken off", *then.reasons))


def on_hold(row: Sequence[Backup], now: datetime) -> str | None:
    """Why nothing of this row may be removed (its newest proved backup is suspicious), or None."""
    newest = newest_good(row, now)
    if newest is None or not newest.suspicions:
        return None
    return f"backup {newest.id} is suspicious: {'; '.join(newest.suspicions)}"


def clear(
    catalog: Catalog, found: Found, schedule_id: str, retention: Retention, job: JobContext
) -> tuple[list[str], list[str]]:
    """Remove the backups of a plan that retention no longer keeps: (the ids of those removed, why
    others could not be).

    Nothing is removed while a destination is unreachable: the last good backup, or a suspicious one
    that puts removal on hold, may lie only there.
    """
    if found.away:
        return [], [f"{name} is away: {why}" for name, why in found.away.items()]
    removed: list[str] = []
    failed: list[str] = []
    for group, row in found.groups().items():
        if group[0] != schedule_id:
            continue
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
            failures = remove(catalog, known[verdict.id], job.check)
            failed += failures
            if not failures:
                removed.append(verdict.id)
                job.log("removed", backup_id=verdict.id, reason="; ".join(verdict.reasons))
    return removed, failed


def remove(catalog: Catalog, backup: Backup, check: Callable[[], None] = go_on) -> list[str]:
    """Remove every copy of a backup, until `check` raises; return why some could not be removed."""
    failed = []
    for copy in backup.copies:
        try:
            catalog[copy.destination].remove(copy.blob, copy.names, check)
        except (Unavailable, Refused) as error:
            failed.append(_said(error, copy.destination))
    return failed


def _said(error: BelfryError, destination: str) -> str:
    return f"{destination}: {error}"
