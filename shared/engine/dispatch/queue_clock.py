"""A clock made of a message that renews itself, without a timer.

The row `clock.chain` has the token of the one message that counts. The process that receives this
message does three things:

1. It sends the next message, with a new token and the token that the row has now (`after`).
2. It writes the new token into the row, if nobody else has done so meanwhile.
3. It ticks.

A message counts if the row has its token or its `after`. In the second case, the sender died after
step 1. Any other message is a stale copy, and is dropped. So if a message is delivered twice, only
one of its successors counts; and after a crash at any point, one message that counts is left.
"""

from __future__ import annotations

import json
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.engine.dispatch.facts import CHAIN, FUTURE, NEXT_LINK, chain_at
from shared.log import Event, event
from shared.storage.queues.jobs import instant, readable
from shared.storage.queues.pulse import PulseQueue
from shared.storage.tables.facts import Fact, Meta

ROW = CHAIN
OFFSET = timedelta(seconds=30)
"""When in each minute it ticks: half a minute after the dispatcher's timer."""
_SHORTEST = timedelta(seconds=10)
_LOST = timedelta(minutes=2)
"""A message that is overdue for this long counts as lost."""
_AGAIN = timedelta(seconds=10)

_logger = logging.getLogger("belfry.clocks")


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """One message of the queue clock."""

    at: datetime
    """When it becomes visible."""
    token: str
    after: str
    """The token that the row had when this was sent; empty if there was no row."""

    def text(self) -> str:
        return json.dumps({"at": self.at.isoformat(), "token": self.token, "after": self.after})


def parse(text: str) -> Link:
    """Read a message. Raises `Invalid`."""
    with readable("a clock message", text):
        body = json.loads(text)
        at, token, after = instant(body["at"]), body["token"], body["after"]
        if not isinstance(token, str) or not isinstance(after, str):
            raise TypeError("a token is no text")
        return Link(at=at, token=token, after=after)


class QueueClock:
    """The queue clock, bound to its stores."""

    def __init__(self, queue: PulseQueue, meta: Meta) -> None:
        self._queue = queue
        self._meta = meta

    def renew(self, link: Link, present: Fact | None, now: datetime) -> bool:
        """Send the message after `link`; False if `link` is a stale copy. `present`: the row."""
        if present is not None and _token(present) not in (link.token, link.after):
            event(_logger, Event.CLOCK_STALE, due_at=link.at.isoformat())
            return False
        return self._advance(present, now)

    def put_off(self, link: Link) -> None:
        """Send `link` again as it is, if storage could not say whether it counts."""
        self._queue.send(link.text(), _AGAIN)

    def revive(self, present: Fact | None, now: datetime) -> bool:
        """Start the clock again, if there is no message, if it is lost, or if a wrong clock sent it
        too far into the future. `present`: the row as read."""
        at = chain_at(present)
        if at is not None and -NEXT_LINK - FUTURE <= now - at <= _LOST:
            return False
        won = self._advance(present, now)
        if won and present is not None:
            due = at.isoformat() if at is not None else None
            event(_logger, Event.CLOCK_REVIVED, level=logging.WARNING, due_at=due)
        return won

    def _advance(self, present: Fact | None, now: datetime) -> bool:
        """Enqueue first, commit second."""
        link = Link(at=following(now), token=secrets.token_hex(6), after=_token(present))
        self._queue.send(link.text(), link.at - now)
        return self._meta.swap(ROW, present, f"{link.at.isoformat()} {link.token}")


def following(now: datetime) -> datetime:
    """When the message after one that is handled at `now` becomes visible."""
    at = now.replace(second=0, microsecond=0) + OFFSET
    return at if at - now >= _SHORTEST else at + timedelta(minutes=1)


def _token(present: Fact | None) -> str:
    return "" if present is None else present.value.partition(" ")[2]
