"""The job queue: messages that name jobs, visible when they are to start.

A message is never lost by age (it does not expire) and says nothing but the jobs' ids and when it
was sent; what it means is decided when it is read (`schedules.claim`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
    """What a message says. Many jobs go in one, because a queue takes so many messages a second."""

    job_ids: tuple[str, ...]
    sent_at: datetime
    returns: int = 0
    """How often it came back from the poison queue."""

    def text(self) -> str:
        return json.dumps(
            {"jobs": self.job_ids, "sent_at": self.sent_at.isoformat(), "returns": self.returns}
        )

    def received(self, now: datetime) -> Message:
        """As it counts at `now`: none was sent later, whatever it says, or it would never age."""
        return self if self.sent_at <= now else replace(self, sent_at=now)


def parse(text: str) -> Message:
    """Read a message. Raises `Invalid`."""
    with readable("a job message", text):
        body = json.loads(text)
        jobs, returns = body["jobs"], body.get("returns", 0)
        if not isinstance(jobs, list) or not all(isinstance(job, str) for job in jobs):
            raise TypeError("jobs is no list of ids")
        if type(returns) is not int or returns < 0:
            raise TypeError("returns is no count")
        return Message(tuple(jobs), instant(body["sent_at"]), returns)


@contextmanager
def readable(what: str, text: str) -> Iterator[None]:
    """Raises `Invalid` if the block, which reads `text` as JSON, finds it is not `what`."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise Invalid("message", f"not {what} ({error!r:.200}): {text[:200]}") from None
    except RecursionError:
        raise Invalid("message", f"not {what} (nested too deep): {text[:200]}") from None


def instant(text: str) -> datetime:
    """The instant that a message names. Raises `ValueError`, also if it has no offset."""
    at = datetime.fromisoformat(text)
    if at.utcoffset() is None:
        raise ValueError(f"{text!r} has no offset")
    return at


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


class ShardQueue:
    """The queue that shares out a backlog: each message is a shard's name."""

    def __init__(self, queue: QueueClient) -> None:
        self._queue = queue

    def send(self, shard: str, now: datetime) -> None:
        """Announce a shard. Raises `Unavailable` or `Refused` when the storage does."""
        text = json.dumps({"shard": shard, "sent_at": now.isoformat()})
        with translated("queue storage"):
            self._queue.send_message(text, time_to_live=_STALE)


_STALE = 300
"""Seconds after which an announcement says nothing more; the next tick makes another."""


def parse_shard(text: str, shards: Collection[str]) -> str:
    """The shard, one of `shards`, that a message announces. Raises `Invalid`."""
    with readable("a shard message", text):
        shard = json.loads(text)["shard"]
        if not isinstance(shard, str) or shard not in shards:
            raise ValueError("there is no such shard")
        return shard
