"""Copies on Google Drive (L6): the newest few of each database, by a count of their own."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from shared.backups.drive.folder import GROUP, TAKEN_AT, Drive
from shared.backups.params import BackupPlan
from shared.backups.store.catalog import Catalog
from shared.backups.store.entries import Backup
from shared.errors import BelfryError, Damaged, Misconfigured, Refused, Unavailable
from shared.log import instant
from shared.tasks.context import JobContext

_KEY = "belfry_backup"


def to_drive(
    drive: Drive | None,
    catalog: Catalog,
    row: Sequence[Backup],
    plan: BackupPlan,
    job: JobContext,
) -> dict[str, str]:
    """Copy to Drive the row's newest backups that it lacks, and remove those beyond the plan's
    count. Returns what failed, by backup; `upkeep` tries it again.

    Does nothing if the plan does not want it, or leaves it open and no Drive is configured.
    """
    if plan.drive is False or (plan.drive is None and drive is None):
        return {}
    failed: dict[str, str] = {}
    try:
        if drive is None:
            raise Misconfigured("the plan wants a copy on Google Drive; set GDRIVE_FOLDER_ID")
        there = {file.properties.get(_KEY) for file in drive.files(job.check) if file.whole}
        for backup in [one for one in row if one.verified][: plan.drive_count]:
            if backup.id in there:
                continue
            try:
                _put(drive, catalog, backup, job)
            except (Unavailable, Refused, Damaged) as error:
                failed[backup.id] = str(error)
        if row and not failed:
            drive.keep(plan.drive_count, _group(row[0]), job.check)
    except (Unavailable, Refused, Misconfigured) as error:
        failed["all"] = str(error)
    for what, why in failed.items():
        job.log("not copied to Google Drive", backup_id=what, error=why)
    return failed


def _put(drive: Drive, catalog: Catalog, backup: Backup, job: JobContext) -> None:
    failure: BelfryError | None = None
    for copy in backup.good:
        destination = catalog[copy.destination]
        name = copy.blob.rpartition("/")[2]
        one = backup.summary
        about = {GROUP: _group(backup), TAKEN_AT: instant(one.started_at)}
        try:
            read = destination.reader(copy)
            drive.put_checksum(name, one.sha256, job.check, about)
            drive.put(name, one.bytes, one.sha256, read, job.check, {**about, _KEY: backup.id})
        except (Unavailable, Damaged) as error:
            failure = error
            continue
        job.log("copied to Google Drive", backup_id=backup.id, file=name)
        return
    raise failure or Unavailable("Google Drive", f"backup {backup.id} has no good copy to send")


def _group(backup: Backup) -> str:
    """A short name of the backup's row; Drive allows 124 bytes for a property."""
    return sha256("/".join(backup.group).encode()).hexdigest()[:32]
