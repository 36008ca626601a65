"""Proving a backup again, and restoring one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from shared.backups.catalog import Catalog
from shared.backups.entries import Backup, Copy
from shared.backups.model import Manifest, differences
from shared.backups.source import Restored, Target
from shared.backups.sources import Sources
from shared.backups.taking import prove, tell_damaged
from shared.clock import monotonic
from shared.errors import BelfryError, Damaged, NotFound, Refused, Unavailable
from shared.tasks.backups import RestoreOrder, VerifyOrder
from shared.tasks.context import JobContext


def verify(
    sources: Sources, catalog: Catalog, order: VerifyOrder, job: JobContext
) -> Mapping[str, object]:
    """Prove each copy again, or the one named: read back, compare, restore, compare.

    Raises `Damaged` if one is not good, after all were looked at; a report beside it says so.
    """
    backup = catalog.look().find(order.backup_id)
    source = sources.again(backup.summary)
    results: dict[str, object] = {}
    wrong: list[str] = []
    away: list[BelfryError] = []
    for copy in _copies(backup, order.destination):
        destination = catalog[copy.destination]
        try:
            manifest = _manifest(catalog, copy, job)
            report = prove(source, destination, copy, manifest, job)
        except Damaged as error:
            results[copy.destination] = {"verified": False, "error": str(error)}
            wrong.append(f"{copy.destination}: {error}")
        except (Unavailable, Refused) as error:
            results[copy.destination] = {"verified": None, "error": str(error)}
            away.append(error)
        else:
            seconds = report.restore_seconds
            results[copy.destination] = {"verified": True, "restore_seconds": seconds}
    if wrong:
        raise Damaged(f"backup {backup.id}: {'; '.join(wrong)}")
    if away:
        raise away[0]
    return {"backup_id": backup.id, "copies": results}


def restore(
    sources: Sources, catalog: Catalog, order: RestoreOrder, job: JobContext
) -> Mapping[str, object]:
    """Restore a backup from the first copy that is whole; the stored bytes are compared first.

    Raises `Conflict` if the target is not empty, `Damaged` if no copy is good.
    """
    backup = catalog.look().find(order.backup_id)
    source = sources.again(backup.summary)
    failure: BelfryError | None = None
    for copy in _copies(backup, order.destination):
        destination = catalog[copy.destination]
        try:
            manifest = _manifest(catalog, copy, job)
            etag = destination.read_back(copy, job.check)
        except (Damaged, Unavailable, Refused) as error:
            job.log("not from there", destination=copy.destination, error=str(error))
            failure = error
            continue
        job.log("restoring", destination=copy.destination, blob=copy.blob)
        began = monotonic()
        with closing(destination.chunks(copy, etag, job.check)) as chunks:
            made = source.restore(chunks, Target(name=order.target, replace=order.replace), job)
        return _result(backup, copy, manifest, made, monotonic() - began)
    raise failure or NotFound(f"backup {backup.id} has no copy at {order.destination}")


def _copies(backup: Backup, destination: str | None) -> list[Copy]:
    """Those that may be taken, the good ones first. Raises `NotFound`."""
    found = [copy for copy in backup.copies if destination in (None, copy.destination)]
    if not found:
        there = ", ".join(copy.destination for copy in backup.copies)
        raise NotFound(f"backup {backup.id} has no copy at {destination}; it has at {there}")
    return sorted(found, key=lambda copy: not copy.verified)


def _manifest(catalog: Catalog, copy: Copy, job: JobContext) -> Manifest:
    """Raises `Damaged`, after a report that says so, if it or the blob is missing or another's."""
    destination = catalog[copy.destination]
    try:
        if copy.stored is None:
            raise Damaged(f"{copy.blob} is gone; something removed it")
        return destination.manifest(copy)
    except Damaged as error:
        raise tell_damaged(destination, copy, error, job) from error


def _result(
    backup: Backup, copy: Copy, manifest: Manifest, made: Restored, seconds: float
) -> dict[str, object]:
    wrong = differences(manifest.contents, made.contents)
    if wrong:
        raise Damaged(f"restored into {made.name}, but: {wrong}")
    shown: dict[str, object] = {
        "backup_id": backup.id,
        "destination": copy.destination,
        "database": backup.summary.database,
        "as_of": backup.summary.to_json()["started_at"],
        "target": made.name,
        "tables": len(made.contents.tables),
        "rows": sum(made.contents.tables.values()),
        "restore_seconds": round(seconds, 3),
    }
    return shown | ({"kept_as": made.kept_as} if made.kept_as is not None else {})
