"""The job queue: messages that name a job, visible when it is to start.

A message is never lost by age (it does not expire) and says nothing but the job's id and when it
was sent; what it means is decided when it is read (`schedules.claim`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.errors import Invalid
from shared.storage.failures import translated

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient

_LONGEST = timedelta(days=7)
"""A message can be invisible for at most 7 days (Put Message, `visibilitytimeout`)."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a message says."""

    job_id: str
    sent_at: datetime
    returns: int = 0
    """How often it came back from the poison queue."""

    def text(self) -> str:
        return json.dumps(
            {"job_id": self.job_id, "sent_at": self.sent_at.isoformat(), "returns": self.returns}
        )


def parse(text: str) -> Message:
    """Read a message. Raises `Invalid`."""
    try:
        body = json.loads(text)
        sent_at = datetime.fromisoformat(body["sent_at"])
        return Message(str(body["job_id"]), sent_at, int(body.get("returns", 0)))
    except (ValueError, KeyError, TypeError) as error:
        raise Invalid("message", f"not a job message ({error!r}): {text[:200]}") from None


class JobQueue:
    """The queue. Raises `Unavailable` or `Refused` when the storage does."""

    def __init__(self, queue: QueueClient) -> None:
        self._queue = queue

    def send(self, message: Message, visible_at: datetime, now: datetime | None = None) -> None:
        """Send a message that is seen from the last whole second before `visible_at` on.

        `now`: for a message that was made earlier than it is sent.
        """
        wait = min(max(visible_at - (now or message.sent_at), timedelta()), _LONGEST)
        seconds = wait // timedelta(seconds=1)
        with translated("queue storage"):
            self._queue.send_message(message.text(), visibility_timeout=seconds, time_to_live=-1)
