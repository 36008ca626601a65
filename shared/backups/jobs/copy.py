"""The copies of a backup: made at each destination; what fails is made later.

A copy has the stored bytes of one that was proved by a restore. It is verified once it has been
read back and its SHA-256 is the same.
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
    """Copy a proved backup to each destination that lacks it; return where that failed, and why.

    A damaged copy is replaced, an interrupted one is finished. A destination that fails does not
    stop the others; `upkeep` tries it again.
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
    """Copy from the first good copy that works. Raises the error of the last one if none does."""
    failure: BelfryError | None = None
    for good in backup.good:
        try:
            made = _made(catalog[good.destination], good, destination, there, job, tier)
        except (Damaged, Unavailable, Refused, Conflict) as error:  # another copy may work
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
    """Make the copy and read it back. An interrupted one is finished, a bad one is replaced."""
    if there is not None and there.state == "unproved":
        manifest = _whole(other, good, job, read=False)
        try:
            return destination.complete(there, manifest, job.check)
        except (Damaged, Conflict) as error:
            job.log("replacing what is there", destination=destination.name, error=str(error))
    if there is not None:
        _whole(other, good, job, read=True)  # else the copy removed here may be the better one
        destination.remove(there.blob, there.names, job.check)
    try:
        return destination.copy_from(other, good, job.check, tier=tier)
    except Damaged:
        _whole(other, good, job, read=True)  # if the source is damaged, it must not look proved
        raise
    except Conflict:
        if any(one.summary.id == good.summary.id for one in destination.copies(job.check)):
            raise  # another job is copying it at this moment
        # The blobs there have this backup's name, but their metadata no longer says so.
        names = destination.lying_at(good.blob, job.check)
        destination.remove(good.blob, names, job.check)
        return destination.copy_from(other, good, job.check, tier=tier)


def _whole(other: Destination, good: Copy, job: JobContext, *, read: bool) -> Manifest:
    """The manifest of the copy `good`. If it is damaged, writes a report and raises `Damaged`."""
    try:
        manifest = other.manifest(good, job.check)
        if read:
            other.read_back(good, job.check)
    except Damaged as error:
        raise tell_damaged(other, good, error, job) from error
    return manifest
