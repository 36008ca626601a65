"""Proves old backups again, a share each day, to find damage before somebody needs them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from shared.backups.jobs.restore import reprove
from shared.backups.jobs.result import fitting
from shared.backups.params import ScrubOrder
from shared.backups.rules.turns import Turn, overdue, todays, turns
from shared.backups.sources import Sources
from shared.backups.status.people import tell
from shared.backups.store.catalog import Catalog
from shared.errors import BelfryError, Cancelled, Damaged, NotFound, Unprovable
from shared.log import Event, event, instant, short
from shared.notifications.service import Notifications
from shared.tasks.context import JobContext

_logger = logging.getLogger("belfry.backups")

_GB = 1_000_000_000
_SAID = 1000
"""UTF-16 units of an error in the result."""


@dataclass(slots=True)
class _Done:
    proved: int = 0
    bytes: int = 0
    """Total size of the copies that were proved or found bad."""
    left: int = 0
    damaged: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Copies that can no longer be proved, since the data breaks the database's own rules."""
    failed: dict[str, str] = field(default_factory=dict)
    failures: list[Exception] = field(default_factory=list)


def scrub(
    sources: Sources,
    catalog: Catalog,
    order: ScrubOrder,
    notifications: Notifications,
    job: JobContext,
) -> Mapping[str, object]:
    """Prove today's share again, as far as the budget goes.

    After all were tried, raises `Damaged` if a copy is no longer good, else `Unprovable` if the
    data of one now breaks the database's own rules; a report beside the copy says so. Else raises
    the first other error if no copy could be proved, or the first that is no `BelfryError`.
    """
    found = catalog.look(check=job.check)
    period, done, copies = timedelta(days=order.period_days), _Done(), turns(found.backups)
    longest = timedelta(minutes=order.most_minutes)
    due = todays(copies, period, job.clock.now(), longest)
    _prove(due, sources, catalog, order, done, job)
    left = turns(found.backups)
    late = overdue(left, period, job.clock.now())
    if late:
        _tell_late(late, order, notifications, job)
    if done.damaged:
        raise Damaged("; ".join(done.damaged + done.broken))
    if done.broken:
        raise Unprovable("; ".join(done.broken))
    for failure in done.failures:
        if not done.proved or not isinstance(failure, BelfryError):
            raise failure
    result: dict[str, object] = {
        "copies": len(copies),
        "proved": done.proved,
        "bytes": done.bytes,
        "left": done.left,
        "failed": done.failed,
        "overdue": len(late),
        "oldest_proof_at": instant(left[0].at) if left else None,
    }
    return fitting(result | ({"away": dict(found.away)} if found.away else {}))


def _prove(
    due: list[Turn],
    sources: Sources,
    catalog: Catalog,
    order: ScrubOrder,
    done: _Done,
    job: JobContext,
) -> None:
    until = job.clock.now() + timedelta(minutes=order.most_minutes)
    for number, one in enumerate(due):
        job.check()
        job.progress(number, len(due))
        spent = done.bytes and done.bytes + one.bytes > order.most_gb * _GB
        if spent or job.clock.now() >= until:
            done.left = len(due) - number
            job.log("the budget is used up", left=done.left, bytes=done.bytes)
            return
        try:
            reprove(sources, catalog, one.backup, one.copy, job)
        except Cancelled:
            raise
        except NotFound as error:  # retention removed it meanwhile
            job.log("gone meanwhile", copy=one.name, error=str(error))
            continue
        except Damaged as error:
            done.damaged.append(f"backup {one.name}: {short(str(error), _SAID)}")
        except Unprovable as error:
            done.broken.append(f"backup {one.name}: {short(str(error), _SAID)}")
        except Exception as error:  # the next copy may be of another server
            job.log("not proved", level=logging.WARNING, copy=one.name, error=str(error))
            done.failed[one.name] = short(str(error), _SAID)
            done.failures.append(error)
            continue
        else:
            done.proved += 1
        done.bytes += one.bytes


def _tell_late(
    late: list[Turn], order: ScrubOrder, notifications: Notifications, job: JobContext
) -> None:
    """Log it, and alert once a week: catching up may take days."""
    oldest = late[0]
    event(
        _logger,
        Event.BACKUP_SCRUB_BEHIND,
        level=logging.WARNING,
        schedule_id=job.schedule_id,
        job_id=job.job_id,
        overdue=len(late),
        oldest_proof_at=oldest.at,
        backup_id=oldest.backup.id,
    )
    copies = "1 copy was" if len(late) == 1 else f"{len(late)} copies were"
    tell(
        notifications.alert,
        job,
        key=f"backup_scrub_behind:{job.clock.now():%G-W%V}",
        subject="Backups are not proved again in time",
        text=f"{copies} last proved more than {order.period_days} days ago, the first of them "
        f"backup {oldest.name} at {instant(oldest.at)}. The log of job {job.job_id} says what "
        "could not be proved, and why. If the budget is too small, raise `most_gb`, "
        "`most_minutes` or `period_days` (PATCH /api/v1/schedules/backup_scrub).",
    )
