"""Proving a backup again, and restoring one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from shared.backups.jobs.take import prove, tell_damaged
from shared.backups.jobs.timing import Took, note
from shared.backups.model import Manifest, Report, differences
from shared.backups.orders import check_reliable, check_target, rules_are_there
from shared.backups.params import RestoreOrder, VerifyOrder
from shared.backups.rules.restore_time import of_same, slowest
from shared.backups.source import Restored, Target
from shared.backups.sources import STATE, Sources
from shared.backups.status import people
from shared.backups.store import checksum
from shared.backups.store.catalog import Catalog
from shared.backups.store.entries import Backup, Copy
from shared.errors import (
    BelfryError,
    Conflict,
    Damaged,
    NotFound,
    Refused,
    Unavailable,
    Unprovable,
)
from shared.log import Event, event
from shared.notifications.service import Notifications
from shared.tasks.context import JobContext

_logger = logging.getLogger("belfry.backups")


def verify(
    sources: Sources, catalog: Catalog, order: VerifyOrder, job: JobContext
) -> Mapping[str, object]:
    """Prove each copy again, or the one named: read back, compare, restore, compare.

    After all copies were tried, raises `Damaged` if one is not good or `Unprovable` if the data
    breaks the database's own rules; a report beside the copy says so.
    """
    backup = catalog.look(check=job.check).find(order.backup_id)
    results: dict[str, object] = {}
    wrong: list[str] = []
    broken: list[Unprovable] = []
    away: list[BelfryError] = []
    for copy in _copies(backup, order.destination):
        try:
            report, said = reprove(sources, catalog, backup, copy, job, order.without)
        except Damaged as error:
            results[copy.destination] = {"verified": False, "error": str(error)}
            wrong.append(f"{copy.destination}: {error}")
        except Unprovable as error:
            results[copy.destination] = {"verified": False, "error": str(error)}
            broken.append(error)
        except (Unavailable, Refused) as error:
            results[copy.destination] = {"verified": None, "error": str(error)}
            away.append(error)
        else:
            results[copy.destination] = {
                "verified": True,
                "restore_seconds": report.restore_seconds,
                **({"without": list(report.without)} if report.without else {}),
                **_given(checksum=said),
            }
    if wrong:
        raise Damaged(f"backup {backup.id}: {'; '.join(wrong)}")
    if broken or away:
        raise (broken or away)[0]
    return {"backup_id": backup.id, "copies": results}


def reprove(
    sources: Sources,
    catalog: Catalog,
    backup: Backup,
    copy: Copy,
    job: JobContext,
    without: tuple[str, ...] = (),
) -> tuple[Report, str | None]:
    """Prove a copy again: (the report, what was wrong with its file for `sha256sum -c`).

    `without`: rules that the data breaks and the proof leaves out, in addition to those that the
    last proof left out. Raises `Damaged` or `Unprovable`, after writing a report that says so.
    """
    manifest = _manifest(catalog, copy, job)
    rules_are_there(manifest, without)
    source = sources.again(backup.summary, {*without, *copy.without})
    destination = catalog[copy.destination]
    report = prove(source, destination, copy, manifest, job)
    said = checksum.look_after(destination, manifest, job)
    if said is not None:
        job.log(said, level=logging.WARNING, destination=copy.destination)
    return report, said


def restore(
    sources: Sources, catalog: Catalog, order: RestoreOrder, job: JobContext
) -> Mapping[str, object]:
    """Restore a backup from the first copy that is whole; the stored bytes are compared first.

    Raises `Invalid` if the target cannot be restored to, `Conflict` if it is not empty or if a part
    of a database would replace it, `Damaged` if no copy is good.
    """
    found = catalog.look(check=job.check)
    backup = found.find(order.backup_id)
    _check(backup, order)
    known = slowest(of_same(found.backups, *backup.group[1:]))
    failure: BelfryError | None = None
    for copy in _copies(backup, order.destination):
        destination = catalog[copy.destination]
        began = job.clock.monotonic()
        try:
            manifest = _manifest(catalog, copy, job)
            etag = destination.read_back(copy, job.check)
        except (Damaged, Unavailable, Refused) as error:
            job.log("not from there", destination=copy.destination, error=str(error))
            failure = error
            continue
        asked = _given(target=order.target, replace=order.replace)
        job.log("restoring", destination=copy.destination, blob=copy.blob, **asked)
        source = sources.again(backup.summary, copy.without)
        read = job.clock.monotonic() - began
        with closing(destination.chunks(copy, etag, job.check)) as chunks:
            made = source.restore(chunks, Target(name=order.target, replace=order.replace), job)
        took = Took(round(job.clock.monotonic() - began, 3), round(read, 3), known)
        result = _result(backup, copy, made, took)
        _compare(manifest, made)
        _record(backup, order, result, job)
        note(destination, copy, took, job)
        return result
    raise failure or NotFound(f"backup {backup.id} has no copy at {order.destination}")


def tell(
    notifications: Notifications, order: RestoreOrder, result: Mapping[str, object], job: JobContext
) -> None:
    """Tell the administrators of a restore, once per job; by an alert if something was replaced.
    A failure is only logged: the restore is done, and another attempt would do it again."""
    among = order.replace is not None and result["source"] == STATE  # former rows are not kept
    over = among or "kept_as" in result
    name = f"{result['source']}/{result['database']}"
    subject = f"Restored {'over' if over else 'into'} {result['target']}: {name}"
    text = "\n".join(
        [f"{name} was restored{' over what was there' if over else ''}", ""]
        + [f"{field.replace('_', ' ')}: {value}" for field, value in result.items() if value != ""]
        + [f"job: {job.job_id}"]
    )
    send = notifications.alert if over else notifications.mail_administrators
    people.tell(send, job, key=f"restore:{job.job_id}", subject=subject, text=text)


def _check(backup: Backup, order: RestoreOrder) -> None:
    """Check the order again before anything is read: things may have changed since it was given.
    Raises `Invalid`, `Conflict`."""
    summary = backup.summary
    check_target(backup, order.target)
    check_reliable(backup, order.destination)
    if summary.scope and order.replace is not None:
        raise Conflict(
            f"backup {backup.id} holds only {summary.scope} of {summary.database}, so it replaces "
            f"no whole database; restore it into a new one: name another target, and no `replace`"
        )


def _copies(backup: Backup, destination: str | None) -> list[Copy]:
    """The copies that may be used, good ones first. Raises `NotFound` if there is none."""
    found = [copy for copy in backup.copies if destination in (None, copy.destination)]
    if not found:
        there = ", ".join(copy.destination for copy in backup.copies)
        raise NotFound(f"backup {backup.id} has no copy at {destination}; it has at {there}")
    return sorted(found, key=lambda copy: not copy.verified)


def _manifest(catalog: Catalog, copy: Copy, job: JobContext) -> Manifest:
    """The copy's manifest. If it or the blob is missing, or the manifest is another backup's,
    writes a report and raises `Damaged`."""
    destination = catalog[copy.destination]
    try:
        if copy.stored is None:
            raise Damaged(f"{copy.blob} is gone; something removed it")
        return destination.manifest(copy, job.check)
    except Damaged as error:
        raise tell_damaged(destination, copy, error, job) from error


def _compare(manifest: Manifest, made: Restored) -> None:
    """Raises `Damaged` if what was restored is not what was dumped."""
    if wrong := differences(manifest.contents, made.contents):
        kept = f" (what was there is kept as {made.kept_as})" if made.kept_as is not None else ""
        raise Damaged(f"restored into {made.name}{kept}, but: {wrong}")


def _result(backup: Backup, copy: Copy, made: Restored, took: Took) -> dict[str, object]:
    summary = backup.summary
    return {
        "backup_id": backup.id,
        "destination": copy.destination,
        "source": summary.source,
        "database": summary.database,
        "scope": summary.scope,
        "as_of": summary.to_json()["started_at"],
        "target": made.name,
        "tables": len(made.contents.tables),
        "rows": sum(made.contents.tables.values()),
        **took.told,
        **_given(kept_as=made.kept_as),
        **_given(without=", ".join(made.contents.without) or None),
    }


def _record(
    backup: Backup, order: RestoreOrder, result: Mapping[str, object], job: JobContext
) -> None:
    """Log the restore, in the job's own log and in the app's."""
    about: dict[str, Any] = {
        name: result[name] for name in ("target", "kept_as", "rows", "without") if name in result
    }
    replace = _given(replace=order.replace)
    job.log("restored", **about, **replace)
    event(
        _logger,
        Event.BACKUP_RESTORED,
        schedule_id=job.schedule_id,
        job_id=job.job_id,
        backup_id=backup.id,
        **about,
        **replace,
        seconds=result["restore_seconds"],
    )


def _given(**fields: str | None) -> dict[str, Any]:
    """The fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}
