"""The job queues: messages that name jobs, and become visible shortly before the jobs start.

There are two: long jobs (`Schedule.is_long`) have a queue and a function of their own, so that no
short job waits behind them. A message never expires. It names the jobs and says when it was sent;
what it means for each job is decided when it is read (`claim`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.errors import Invalid
from shared.storage.failures import translated
from shared.storage.queues.queue import Queue, Receipt
from shared.tracing.parent import read

_SERVICE = "queue storage"
AHEAD = timedelta(seconds=1)
"""A message becomes visible at least this long before its time, and its worker waits for the rest.
Without that, a host that polls its queue once a second would be late by up to a second."""

_LONGEST = timedelta(days=7)
"""A message can be invisible for at most 7 days (Put Message, `visibilitytimeout`)."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a message says. Jobs share a message, because a queue accepts only so many a second."""

    job_ids: tuple[str, ...]
    sent_at: datetime
    returns: int = 0
    """How often it came back from the poison queue."""
    long: bool = False
    """Which queue it is in."""
    at: datetime | None = None
    """When it was to become visible, the first time that it was sent; None before that."""
    trace: str | None = None
    """The `traceparent` of what caused it. It stays the same when the message is sent again. A job
    whose row names another belongs to that one."""

    def text(self) -> str:
        said: dict[str, object] = {"jobs": self.job_ids, "sent_at": self.sent_at.isoformat()}
        if self.at is not None:
            said["at"] = self.at.isoformat()
        if self.trace is not None:
            said["trace"] = self.trace
        return json.dumps(said | {"returns": self.returns})

    def received(self, now: datetime) -> Message:
        """The message, with a `sent_at` no later than `now`: one in the future would never age."""
        return self if self.sent_at <= now else replace(self, sent_at=now)


def parse(text: str, *, long: bool = False) -> Message:
    """Read a message from one of the queues. Raises `Invalid`."""
    with readable("a job message", text):
        body = json.loads(text)
        jobs, returns = body["jobs"], body.get("returns", 0)
        if not isinstance(jobs, list) or not all(isinstance(job, str) for job in jobs):
            raise TypeError("jobs is no list of ids")
        if type(returns) is not int or returns < 0:
            raise TypeError("returns is no count")
        at = instant(body["at"]) if "at" in body else None
        sent_at, trace = instant(body["sent_at"]), read(body.get("trace"))
        traced = None if trace is None else trace.text()  # one that is wrong ends no job's message
        return Message(tuple(jobs), sent_at, returns, long, at, traced)


def parse_long(text: str) -> Message:
    """Read a message from the queue of long jobs. Raises `Invalid`."""
    return parse(text, long=True)


@contextmanager
def readable(what: str, text: str) -> Iterator[None]:
    """For a block that reads `text` as JSON: raises `Invalid` if the text is not `what`."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise Invalid("message", f"not {what} ({error!r:.200}): {text[:200]}") from None
    except RecursionError:
        raise Invalid("message", f"not {what} (nested too deep): {text[:200]}") from None


def instant(text: str) -> datetime:
    """Read an instant in a message. Raises `ValueError`, also if it has no UTC offset."""
    at = datetime.fromisoformat(text)
    if at.utcoffset() is None:
        raise ValueError(f"{text!r} has no offset")
    return at


@dataclass(frozen=True, slots=True)
class Sent:
    """Identifies a message that was sent, so that it can be taken back."""

    receipt: Receipt
    long: bool


_PEEKED = 32
"""The most messages that a queue shows at once."""


@dataclass(frozen=True, slots=True)
class Due:
    """What waits for workers."""

    messages: int
    """That are visible, as far as they were looked at."""
    waited: timedelta
    """How long the one that has waited longest has been visible."""


class JobQueue:
    """Both job queues. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, short: Queue, long: Queue) -> None:
        self._short = short
        self._long = long

    def send(self, message: Message, visible_at: datetime, now: datetime | None = None) -> Sent:
        """Send a message that becomes visible at the last whole second before `visible_at`.

        `now`: the present, if the message was not made just now (default: its `sent_at`).
        """
        wait = min(max(visible_at - (now or message.sent_at), timedelta()), _LONGEST)
        seconds = wait // timedelta(seconds=1)
        placed = message if message.at is not None else replace(message, at=visible_at)
        with translated(_SERVICE):
            receipt = self._of(message.long).put(placed.text(), seconds)
        return Sent(receipt, message.long)

    def take_back(self, sent: Sent) -> bool:
        """Remove a message, if nobody has received it; whether it was removed."""
        with translated(_SERVICE):
            return self._of(sent.long).delete(sent.receipt)

    def backlog(self, long: bool, now: datetime) -> timedelta:
        """How long the first visible message has waited; zero if there is none."""
        with translated(_SERVICE):
            text = self._of(long).peek()
        return timedelta() if text is None else _waited(text, now)

    def due(self, now: datetime) -> Due:
        """What waits for workers, in both queues. A queue's length would count every message that
        waits invisibly for its time as well. It looks at no more than 32 messages of each."""
        with translated(_SERVICE):
            texts = [text for queue in (self._short, self._long) for text in queue.peeked(_PEEKED)]
        waits = [_waited(text, now) for text in texts]
        return Due(len(texts), max(waits, default=timedelta()))

    def _of(self, long: bool) -> Queue:
        return self._long if long else self._short


def _waited(text: str, now: datetime) -> timedelta:
    """How long a message has been visible; zero if it does not say since when."""
    try:
        at = parse(text).at
    except Invalid:  # the worker that receives it will log that
        at = None
    return timedelta() if at is None else max(now - at, timedelta())


class ShardQueue:
    """The queue that distributes a backlog: each message names a shard."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def send(self, shard: str, now: datetime) -> None:
        """Announce a shard. Raises `Unavailable` or `Refused` if storage fails."""
        text = json.dumps({"shard": shard, "sent_at": now.isoformat()})
        with translated("queue storage"):
            self._queue.put(text, expires_seconds=_STALE)


_STALE = 300
"""Seconds after which an announcement expires; the next tick makes another."""


def parse_shard(text: str, shards: Collection[str]) -> str:
    """The shard that a message announces. Raises `Invalid`, also if it is not in `shards`."""
    with readable("a shard message", text):
        shard = json.loads(text)["shard"]
        if not isinstance(shard, str) or shard not in shards:
            raise ValueError("there is no such shard")
        return shard
