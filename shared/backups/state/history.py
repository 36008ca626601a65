"""The files of archived jobs, as far as a state backup knows them.

A dump has the catalog of the archive, which is rows, and not its files: those are written once, and
stay where they are. So a restore finds the files that are still there, under whatever prefix. Files
that are gone are left out of the restored catalog, since readers would look for them in vain. If
they come later, copied from elsewhere, the task `job_archive` adds them again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from shared.archive.catalog import PARTITION
from shared.archive.parts import FOLDER, Place
from shared.backups.state.file import SCHEDULES, Row, StateFile
from shared.storage.connect import Connection
from shared.tasks.context import JobContext


def leave_out_lost(file: StateFile, account: Connection, job: JobContext) -> None:
    """Remove from the file the rows of the catalog whose files are not in the account."""
    rows = [row for row in file.rows(SCHEDULES, "other") if row.partition == PARTITION]
    names = {_container(row) for row in rows} - {""}
    there = {(name, blob) for name in names for blob in _blobs(account, name, job.check)}
    lost = [row for row in rows if (_container(row), _blob(row)) not in there]
    for row in lost:
        file.remove(SCHEDULES, row.partition, row.key)
    if lost:
        job.log(
            "files of archived jobs are not in this account; copy them, and run job_archive",
            level=logging.WARNING,
            files=len(lost),
            first=_blob(lost[0]),
            last=_blob(lost[-1]),
        )


def _container(row: Row) -> str:
    return str(row.values.get("container", ""))


def _blobs(account: Connection, container: str, check: Callable[[], None]) -> list[str]:
    return account.blobs(container).names(FOLDER, check)


def _blob(row: Row) -> str:
    place = Place.of_key(row.key)
    return row.key if place is None else place.blob
