"""The copies of a backup: made at each destination, and caught up with later.

A copy is the stored bytes of one that was proved by a restore; it is verified when it has been read
back and its SHA-256 is the same.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from shared.backups.catalog import Catalog
from shared.backups.destination import Destination
from shared.backups.entries import Backup, Copy
from shared.backups.model import Outcome, Report
from shared.errors import BelfryError, Damaged, Refused, Unavailable
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

    What is found damaged there is replaced. A destination that fails keeps none of the others from
    getting theirs: `upkeep` comes back to it.
    """
    failed: dict[str, str] = {}
    for destination in wanted:
        there = next((one for one in backup.copies if one.destination == destination.name), None)
        if there is not None and there.verified:
            continue
        try:
            _copy(catalog, backup, destination, there, job, tier)
        except (Unavailable, Refused, Damaged) as error:
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
    if there is not None:  # damaged, or broken off
        destination.remove(there.blob, [item.name for item in there.items])
    failure: BelfryError | None = None
    for good in backup.good:
        try:
            made = destination.copy_from(catalog[good.destination], good, job.check, tier=tier)
        except Damaged as error:  # so that one is not good; another may be
            failure = error
            continue
        except (Unavailable, Refused) as error:
            failure = error
            continue
        report = Report(
            backup_id=backup.id,
            outcome=Outcome.VERIFIED,
            at=job.clock.now(),
            job_id=job.job_id,
            how="copied",
            suspicions=backup.suspicions,
        )
        destination.write_report(made.blob, report, encrypted=made.summary.encrypted)
        made.reports.append(report)
        job.log("copied and read back", backup_id=backup.id, destination=destination.name)
        return
    if failure is not None:
        raise failure
