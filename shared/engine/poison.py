"""What becomes of messages that the queue gave up (the host's poison queue).

A message is given up after five deliveries that raised: storage was out of reach, or there is a
defect. The job must not be lost with it: it is sent again, later each time, and when that did
not help either, the job ends as failed.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from shared.clock import Clock
from shared.engine.tick import tell_ended
from shared.errors import Invalid, NotFound
from shared.log import Event, event
from shared.schedules.job import Status, parse_id
from shared.schedules.record import of_live
from shared.storage.queue import JobQueue, Message, parse
from shared.storage.schedules import ScheduleTable

RETURNS = 3
_FIRST = timedelta(minutes=1)

_logger = logging.getLogger("belfry.poison")


class Poison:
    """The handler, bound to its stores."""

    def __init__(self, table: ScheduleTable, queue: JobQueue, clock: Clock) -> None:
        self._table = table
        self._queue = queue
        self._clock = clock

    def handle(self, text: str) -> None:
        """Send a given-up message again, or end its job as failed."""
        try:
            message = parse(text)
            parse_id(message.job_id)
        except (Invalid, NotFound) as error:
            event(_logger, Event.MESSAGE_POISONED, level=logging.ERROR, error=str(error))
            return
        event(
            _logger,
            Event.MESSAGE_POISONED,
            level=logging.ERROR,
            job_id=message.job_id,
            returns=message.returns,
        )
        if message.returns < RETURNS:
            now = self._clock.now()
            again = Message(message.job_id, now, message.returns + 1)
            self._queue.send(again, now + _FIRST * 2**message.returns)
        else:
            self._give_up(message)

    def _give_up(self, message: Message) -> None:
        schedule = self._table.get(parse_id(message.job_id)[0])
        live = schedule.progress.find(message.job_id) if schedule is not None else None
        if schedule is None or live is None or self._table.job(message.job_id) is not None:
            return
        job = replace(
            of_live(schedule, live),
            status=Status.FAILED,
            finished_at=self._clock.now(),
            error=live.error or "its message could not be handled, again and again; see the log",
            reason="dead letter",
        )
        if self._table.end(job):
            tell_ended(_logger, job)
