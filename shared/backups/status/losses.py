"""Reports backups that were there and can no longer be relied upon: what is left of one does not
say what it is, or something else lies in its blob's place. Nobody did that through Belfry."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared.backups.status.recovery import named
from shared.backups.store.catalog import Catalog, Found
from shared.backups.store.entries import Backup, Copy
from shared.errors import Refused, Unavailable
from shared.log import Event, event
from shared.notifications.service import Notifications
from shared.tasks.context import JobContext

_logger = logging.getLogger("belfry.backups")

_EACH = 10
"""Up to this many losses at a destination get an alert each; more get one together."""


@dataclass(frozen=True, slots=True)
class _Loss:
    destination: str
    blob: str
    backup_id: str
    why: str
    text: str
    """The text of an alert."""

    @property
    def line(self) -> str:
        return f"{self.blob}: {self.why}"


def tell_losses(
    catalog: Catalog, found: Found, notifications: Notifications, job: JobContext
) -> int:
    """Log the losses, alert of each once, and return how many there are."""
    by_place: dict[str, list[_Loss]] = {}
    for loss in (*_lost(catalog, found, job), *_broken(catalog, found, job)):
        by_place.setdefault(loss.destination, []).append(loss)
    for place, losses in by_place.items():
        losses.sort(key=lambda loss: loss.blob)
        for loss in losses[:_EACH]:
            event(
                _logger,
                Event.BACKUP_LOST,
                level=logging.ERROR,
                schedule_id=job.schedule_id,
                job_id=job.job_id,
                backup_id=loss.backup_id,
                destination=place,
                blob=loss.blob,
                error=loss.why,
                more=max(len(losses) - _EACH, 0),
            )
        if len(losses) <= _EACH:
            for loss in losses:
                notifications.alert(
                    key=f"backup_lost:{place}:{loss.blob}",
                    subject=f"Backup lost at {place}: {loss.blob.rpartition('/')[2]}",
                    text=loss.text,
                )
        else:
            _alert_of_all(place, losses, notifications)
    return sum(len(losses) for losses in by_place.values())


def _alert_of_all(place: str, losses: list[_Loss], notifications: Notifications) -> None:
    """Alert once for all of these losses, as long as they stay the same."""
    these = hashlib.sha256("\n".join(loss.line for loss in losses).encode()).hexdigest()
    shown = "\n".join(loss.line for loss in losses[:_EACH])
    notifications.alert(
        key=f"backup_lost:{place}:{these}",
        subject=f"{len(losses)} backups lost at {place}",
        text=f"{shown}\nand {len(losses) - _EACH} more. GET /api/v1/backups lists each that has "
        "another copy, or whose manifest can be read; the others are under `lost`.",
    )


def _lost(catalog: Catalog, found: Found, job: JobContext) -> Iterator[_Loss]:
    for one in found.lost:
        if not _are_there(catalog, one.destination, one.blob, one.names, job):
            continue
        about = [f"{one.sentence}."]
        if one.bytes is not None:
            digest = f", SHA-256 {one.sha256} by its .sha256" if one.sha256 is not None else ""
            about.append(f"Its blob has {one.bytes} bytes{digest}; it may be whole.")
        about.append(
            "Belfry can neither prove it nor restore it; docs/restore.md tells how that is done by "
            "hand. What is left of it stays until somebody deletes it in the container."
        )
        yield _Loss(one.destination, one.blob, one.id, one.why, " ".join(about))


def _are_there(
    catalog: Catalog, destination: str, blob: str, names: Iterable[str], job: JobContext
) -> bool:
    """Whether exactly these blobs lie there still: while they were listed, a backup may have been
    about to be written or removed."""
    try:
        return set(names) == set(catalog[destination].lying_at(blob, job.check))
    except (Unavailable, Refused):
        return False


def _broken(catalog: Catalog, found: Found, job: JobContext) -> Iterator[_Loss]:
    """Copies that were proved, but are no longer what was proved."""
    for backup in found.backups:
        for copy in backup.copies:
            why = copy.fault if copy.proved else None
            if why is not None and _are_there(
                catalog, copy.destination, copy.blob, copy.names, job
            ):
                yield _Loss(copy.destination, copy.blob, backup.id, why, _text(backup, copy, why))


def _text(backup: Backup, copy: Copy, why: str) -> str:
    one = backup.summary
    what = f"backup {one.id} ({named(one.source, one.database)}, {one.to_json()['started_at']})"
    left = ", ".join(each.destination for each in backup.good)
    todo = (
        f"Its copy at {left} is verified; backup_upkeep puts one in the place of this."
        if left
        else "It has no other copy that is verified, so it cannot be restored. If what it says is "
        f"wrong, prove it again: POST /api/v1/backups/{one.id}/verify."
    )
    return f"{copy.blob} at {copy.destination}, {what}, was verified, but {why}. {todo}"
