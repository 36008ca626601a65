"""What happens to messages that cannot be read, and to those that the queue gave up.

A message that cannot be read now cannot be read later either. It is logged and dropped, in every
queue. If the code raised an error instead, the message would end in a poison queue that nobody
reads, after five deliveries.

The queue gives up a message after five deliveries that raised, because storage was out of reach or
there is a defect. Its jobs must not be lost. So the message is sent again, with growing delays, and
if that does not help either, its jobs end as failed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from shared.clock import Clock
from shared.engine.events import tell_ended
from shared.engine.work.outcomes import Outcomes
from shared.errors import Invalid, NotFound
from shared.log import Event, event
from shared.schedules.job import Status, parse_id
from shared.schedules.model import LiveJob
from shared.schedules.record import ended_live
from shared.storage.queues.jobs import parse, parse_long
from shared.tracing import trace_id

T = TypeVar("T")

RETURNS = 3
_FIRST = timedelta(minutes=1)

_logger = logging.getLogger("belfry.poison")


class Poison:
    """The handler, bound to its stores."""

    def __init__(self, outcomes: Outcomes, clock: Clock) -> None:
        self._outcomes = outcomes
        self._clock = clock

    def read(self, text: str, parse: Callable[[str], T]) -> T | None:
        """What a message says, by `parse`; None if it cannot be read, which is logged."""
        try:
            return parse(text)
        except Invalid as error:
            event(_logger, Event.MESSAGE_POISONED, level=logging.ERROR, error=str(error))
            return None

    def handle(self, text: str, *, long: bool = False) -> None:
        """Send a given-up message of one of the job queues again, or end its jobs as failed."""
        message = self.read(text, parse_long if long else parse)
        if message is None:
            return
        for job_id in message.job_ids:
            event(
                _logger,
                Event.MESSAGE_POISONED,
                level=logging.ERROR,
                job_id=job_id,
                returns=message.returns,
                trace_id=trace_id(message.trace),
            )
        if message.returns < RETURNS:
            now = self._clock.now()
            again = replace(message, sent_at=now, returns=message.returns + 1, at=None)
            self._outcomes.queue.send(again, now + _FIRST * 2**message.returns)
        else:
            for job_id in message.job_ids:
                self._give_up(job_id)

    def _give_up(self, job_id: str) -> None:
        try:
            schedule = self._outcomes.table.get(parse_id(job_id)[0])
        except NotFound:
            return
        live = schedule.progress.find(job_id) if schedule is not None else None
        if schedule is None or live is None or self._held(live):
            return
        reason = "dead letter"
        job = replace(
            ended_live(schedule, live, Status.FAILED, self._clock.now(), reason),
            error=live.error or "its message could not be handled, again and again; see the log",
        )
        if self._outcomes.end_with_schedule(job):
            tell_ended(_logger, job)
            self._outcomes.make_room(schedule)

    def _held(self, live: LiveJob) -> bool:
        """Whether a worker holds the job now, so that it is not lost without this message."""
        return live.lease_until is not None and live.lease_until > self._clock.now()
