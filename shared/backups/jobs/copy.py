"""The copies of a backup: made at each destination, and caught up with later.

A copy is the stored bytes of one that was proved by a restore; it is verified when it has been read
back and its SHA-256 is the same.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from shared.backups.jobs.take import tell_damaged
from shared.backups.model import Manifest, Outcome, Report
from shared.backups.store.catalog import Catalog
from shared.backups.store.destination import Destination
from shared.backups.store.entries import Backup, Copy
from shared.errors import BelfryError, Conflict, Damaged, NotFound, Refused, Unavailable
from shared.log import Event, event
from shared.tasks.context import JobContext

_logger = logging.getLogger("belfry.backups")


def copy_to(
    catalog: Catalog,
    backup: Backup,
    wanted: Iterable[Destination],
    job: JobContext,
    *,
    tier: str | None = None,
) -> dict[str, str]:
    """Copy a proved backup to each destination that lacks it; where that failed, and why.

    What is found damaged there is replaced, what was broken off is finished. A destination that
    fails keeps none of the others from getting theirs: `upkeep` comes back to it.
    """
    failed: dict[str, str] = {}
    for destination in wanted:
        there = next((one for one in backup.copies if one.destination == destination.name), None)
        if there is not None and there.verified:
            continue
        try:
            _copy(catalog, backup, destination, there, job, tier)
        except (Unavailable, Refused, Damaged, Conflict, NotFound) as error:
            failed[destination.name] = str(error)
            event(
                _logger,
                Event.BACKUP_COPY_FAILED,
                level=logging.WARNING,
                schedule_id=backup.summary.schedule_id,
                job_id=job.job_id,
                backup_id=backup.id,
                destination=destination.name,
                error=str(error),
            )
    return failed


def _copy(
    catalog: Catalog,
    backup: Backup,
    destination: Destination,
    there: Copy | None,
    job: JobContext,
    tier: str | None,
) -> None:
    """Raises what it failed with from the last of the good copies."""
    failure: BelfryError | None = None
    for good in backup.good:
        try:
            made = _made(catalog[good.destination], good, destination, there, job, tier)
        except (Damaged, Unavailable, Refused, Conflict) as error:  # from another it may succeed
            failure = error
            continue
        report = Report(
            backup_id=backup.id,
            outcome=Outcome.VERIFIED,
            at=made.next_report(job.clock.now()),
            job_id=job.job_id,
            how="copied",
            suspicions=backup.suspicions,
            without=good.without,
        )
        destination.write_report(
            made.blob, report, encrypted=made.summary.encrypted, check=job.check
        )
        made.reports.append(report)
        job.log("copied and read back", backup_id=backup.id, destination=destination.name)
        return
    if failure is not None:
        raise failure


def _made(
    other: Destination,
    good: Copy,
    destination: Destination,
    there: Copy | None,
    job: JobContext,
    tier: str | None,
) -> Copy:
    """The copy, read back. What was broken off there is finished, what is not good is replaced."""
    if there is not None and there.state == "unproved":
        manifest = _whole(other, good, job, read=False)
        try:
            return destination.complete(there, manifest, job.check)
        except (Damaged, Conflict) as error:
            job.log("replacing what is there", destination=destination.name, error=str(error))
    if there is not None:
        _whole(other, good, job, read=True)  # or what is removed may be the better one
        destination.remove(there.blob, there.names, job.check)
    try:
        return destination.copy_from(other, good, job.check, tier=tier)
    except Damaged:
        _whole(other, good, job, read=True)  # if it is that one, it must not look proved
        raise
    except Conflict:
        if any(one.summary.id == good.summary.id for one in destination.copies(job.check)):
            raise  # another copies it at this moment
        # So what lies there is of this backup by its name, and no longer says so.
        names = destination.lying_at(good.blob, job.check)
        destination.remove(good.blob, names, job.check)
        return destination.copy_from(other, good, job.check, tier=tier)


def _whole(other: Destination, good: Copy, job: JobContext, *, read: bool) -> Manifest:
    """The manifest of what is copied. Raises `Damaged`, after a report that says so."""
    try:
        manifest = other.manifest(good, job.check)
        if read:
            other.read_back(good, job.check)
    except Damaged as error:
        raise tell_damaged(other, good, error, job) from error
    return manifest
