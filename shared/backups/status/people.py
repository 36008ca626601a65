"""Notifications that a job sends itself. If sending fails, that is only logged: the job's work
is done."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.errors import Damaged, Refused, Unavailable, Unprovable
from shared.log import Event, event
from shared.notifications.service import Notifications
from shared.tasks.context import JobContext

_logger = logging.getLogger("belfry.backups")

_WHAT_NOW = (
    "It is not relied upon any more. Where another destination has a good copy, backup_upkeep puts "
    "that in its place within the hour; if it was the newest backup of its plan, take another now "
    "(POST /api/v1/backups/plans/{schedule_id}/run)."
)

_BY_WITHOUT = (
    "It is as it was dumped, but its data breaks its own rules by now, so that no restore succeeds "
    "as a whole. Prove it without the rule (POST /api/v1/backups/{id}/verify with `without`), and "
    "mend the rule in the database, or name it in `without` of the plan."
)


def tell(
    send: Callable[..., object], job: JobContext, *, key: str, subject: str, text: str
) -> None:
    """Send a notification, once per key; `send` is a method of `Notifications`."""
    try:
        send(key=key, subject=subject, text=text)
    except (Unavailable, Refused) as error:
        job.log("nobody was told of it", level=logging.ERROR, error=str(error))


@contextmanager
def telling_of_damage(notifications: Notifications, job: JobContext) -> Iterator[None]:
    """If the block raises `Damaged` or `Unprovable`, alert that backups which were proved before
    are no longer good, or can no longer be proved."""
    try:
        yield
    except (Damaged, Unprovable) as error:
        damaged = isinstance(error, Damaged)
        found = Event.BACKUP_DAMAGED if damaged else Event.BACKUP_UNPROVABLE
        event(
            _logger,
            found,
            level=logging.ERROR,
            schedule_id=job.schedule_id,
            job_id=job.job_id,
            error=str(error),
        )
        tell(
            notifications.alert,
            job,
            key=f"{found.value}:{job.job_id}",
            subject="A backup is damaged" if damaged else "A backup can no longer be proved",
            text=f"{error}\n\n{_WHAT_NOW if damaged else _BY_WITHOUT}\n\njob: {job.job_id}",
        )
        raise
