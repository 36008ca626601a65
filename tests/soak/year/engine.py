"""One day on which the engine itself runs the tasks, on two hosts that both tick and both get every
message. On all other days the tasks are called directly, for the engine has proofs of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from shared.app import App
from shared.schedules.job import Job, Status
from shared.storage.queues.jobs import Message
from tests.soak.year.acts import Ticked
from tests.together import together


class Engine:
    """The engines of the hosts."""

    def __init__(self) -> None:
        self._sent: list[tuple[datetime, Message]] = []
        self.expected: list[tuple[str, datetime]] = []
        """The task and the due time of each run that there must be."""
        self.ended: list[Job] = []

    def tap(self, app: App) -> None:
        """Note what is sent, and when it shall be seen, beside sending it: Azurite goes by its own
        clock."""
        queue: Any = app.queue
        real = queue.send

        def send(message: Message, visible_at: datetime, *rest: Any) -> Any:
            self._sent.append((visible_at, message))
            return real(message, visible_at, *rest)

        queue.send = send

    def tick(self, apps: Sequence[App], act: Ticked) -> None:
        self.expected += [(task, act.due_at) for task in act.tasks]
        together(*(partial(app.dispatcher.tick, act.at, "year") for app in apps))
        while seen := [one for one in self._sent if one[0] <= act.at]:
            self._sent.remove(seen[0])
            works = [partial(app.worker.work, seen[0][1]) for app in apps]
            self.ended += [job for some in together(*works) for job in some]

    def problems(self) -> Iterator[str]:
        """Runs that are missing, failed, or were there twice."""
        ran = [(job.schedule_id, job.due_at) for job in self.ended]
        for one in self.expected:
            if ran.count(one) != 1:
                yield f"{one[0]}, due at {one[1]}: {ran.count(one)} runs ended"
        for job in self.ended:
            if job.status is not Status.SUCCEEDED:
                yield f"{job.id}: {job.status}, {job.error}"
            elif (job.schedule_id, job.due_at) not in self.expected:
                yield f"{job.id} ended, and was not due"
