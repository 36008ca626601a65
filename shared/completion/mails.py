"""Mails how runs of customers' tasks ended, from the feed of ended jobs.

The feed is told of again if a packing is killed, and a job has one key: each address gets one mail.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from shared.completion.saying import KIND, addresses, data, is_told
from shared.errors import Invalid, Misconfigured, TooMany
from shared.jobs.entry import Entry
from shared.log import Event, event
from shared.notifications.port import NotificationService
from shared.schedules.job import RAN, Job, Status
from shared.schedules.model import Schedule
from shared.tasks import Registry
from shared.tasks.customers import CustomerParams

_logger = logging.getLogger("belfry.completion")
_ENDS = RAN | {Status.MISSED, Status.SKIPPED}


class Completions:
    """The mails, bound to what they are made of."""

    def __init__(
        self,
        tasks: Registry,
        schedules: Callable[[Collection[str]], Mapping[str, Schedule]],
        find: Callable[[Iterable[str]], Iterable[Job]],
        notifications: Callable[[], NotificationService],
    ) -> None:
        """`find`: jobs that have ended, whole, by their ids."""
        self._tasks = tasks
        self._schedules = schedules
        self._find = find
        self._notifications = notifications

    def follow(self, entries: Sequence[Entry], check: Callable[[], None]) -> None:
        """Mail the ends of those jobs that ask for it. Raises `Unavailable` or `Refused` if storage
        fails: then the feed keeps them. The jobs of schedules that ask for no mail are not read."""
        mine = [one for one in entries if one.status in _ENDS and self._is_customers(one)]
        if not mine:
            return
        schedules = self._schedules({one.schedule_id for one in mine})
        asking = {
            key for key, one in schedules.items() if addresses(one.definition.task_parameters)
        }
        wanted = sorted(one.id for one in mine if one.schedule_id in asking)
        for job in self._find(wanted) if wanted else ():
            if is_told(job):
                check()
                zone = schedules[job.schedule_id].definition.recurrence.timezone
                self._mail(job, zone)

    def _is_customers(self, entry: Entry) -> bool:
        task = self._tasks.find(entry.task_type)
        return task is not None and issubclass(task.params, CustomerParams)

    def _mail(self, job: Job, zone: str) -> None:
        try:
            self._notifications().mail(
                key=f"completed:{job.id}",
                kind=KIND,
                to=addresses(job.parameters),
                project_id=job.project_id,
                data=data(job, zone),
            )
        except (Invalid, Misconfigured, TooMany) as error:  # it must not keep the others waiting
            event(
                _logger,
                Event.COMPLETION_UNTOLD,
                level=logging.ERROR,
                schedule_id=job.schedule_id,
                job_id=job.id,
                error=str(error),
            )
