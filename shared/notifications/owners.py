"""Sends messages to owners, by the rules of sending (`rules`), in this order:

1. Decide, for some messages at once: their review (what the data say now), then each rule.
2. Count them against the caps, and let them wait for their turn by the rate.
3. Take, send and record each. What was certainly not sent is given back to the caps.

The first of a pass goes alone, and so does the probe of an open circuit: if the service does not
answer, one message is lost in doubt, and not many.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from shared.clock import Clock
from shared.log import Event, event
from shared.notifications import states
from shared.notifications.attempts import Attempts, Outcome, tell
from shared.notifications.capping import Capped, Caps
from shared.notifications.circuits import Circuits, Permit, away_until
from shared.notifications.content import Receipt
from shared.notifications.deciding import Decider, Decision, Prepared, Undecided
from shared.notifications.model import Entry, NotificationStatus
from shared.notifications.outbox import Outbox
from shared.notifications.rules.owner import too_late
from shared.notifications.rules.price import Price
from shared.notifications.rules.verdict import Hold, Keep, Skip, Verdict
from shared.threads import Pool

_logger = logging.getLogger("belfry.notifications")

_TOGETHER = 8
"""How many messages are under way at once."""


@dataclass(slots=True)
class Pass:
    """How long one pass may last, and how it goes."""

    until: datetime
    """When no further message is begun."""
    stop: threading.Event
    """Set when the pass must end."""
    done: dict[str, Entry] = field(default_factory=dict)
    """Notifications as they are afterwards, by their ids; without those that were left alone."""
    answers: bool = False
    """Whether the service answered one of them."""
    ended: bool = False
    """Whether the rest must wait for another pass: the service is away, or time is up."""
    failed: str = ""
    """The id of the notification for which the service failed, if it did."""


class Owners:
    """Sends messages to owners."""

    def __init__(
        self,
        outbox: Outbox,
        attempts: Attempts,
        circuits: Circuits,
        caps: Caps,
        decide: Decider,
        price: Price,
        clock: Clock,
    ) -> None:
        self._outbox = outbox
        self._attempts = attempts
        self._circuits = circuits
        self._caps = caps
        self._decide = decide
        self._price = price
        self._clock = clock

    def send(self, channel: str, entries: Sequence[Entry], this: Pass) -> None:
        """Send those of one channel's messages that are due, as far as the pass goes."""
        now = self._clock.now()
        left = [one for one in entries if states.waits(one) and one.next_at and one.next_at <= now]
        with Pool(_TOGETHER, "owners") as pool:
            while left and not this.ended:
                now = self._clock.now()
                if now >= this.until or this.stop.is_set():
                    this.ended = True
                    return
                permit = self._permit(channel, now)
                if isinstance(permit, datetime):
                    self._hold(left, permit, away_until(channel, permit), this, pool)
                    return
                self._send_part(left[:_TOGETHER], permit, this, pool)
                if this.failed:
                    rest = [one for one in left if one.id not in this.done]
                    self._put_off(channel, rest, this, pool)
                left = left[_TOGETHER:]

    def rehearse(self, entries: Sequence[Entry], now: datetime) -> list[Entry]:
        """What would become of new messages at `now`; nothing is stored or sent. Raises what a
        review raises."""
        decided = [self._decide(one, now) for one in entries]
        ready = [one for one in decided if isinstance(one, Prepared)]
        refused = {one.entry.id: verdict for one, verdict in self._caps.foreseen(ready, now)}
        return [
            self._foreseen(entry, refused.get(entry.id, one), now)
            for entry, one in zip(entries, decided, strict=True)
        ]

    def _foreseen(self, entry: Entry, decision: Decision, now: datetime) -> Entry:
        if isinstance(decision, Undecided):
            raise decision.error
        if isinstance(decision, Prepared):
            claimed = states.claimed(decision.entry, "", now)
            return states.sent(claimed, Receipt(), now, self._price) or claimed
        return states.decided(entry, decision) or entry

    def _permit(self, channel: str, now: datetime) -> Permit | datetime:
        """Leave to send; a channel that sends nothing needs none."""
        if self._decide.why_not(channel) is not None:
            return _NONE
        return self._circuits.ask(channel, now)

    def _send_part(self, part: Sequence[Entry], permit: Permit, this: Pass, pool: Pool) -> None:
        now = self._clock.now()
        decided = pool.map(lambda one: self._decide(one, now), part)
        counted = self._caps.count(
            [one for one in decided if isinstance(one, Prepared)], now, this.until
        )
        verdicts: list[tuple[Entry, Verdict]] = [
            (entry, one)
            for entry, one in zip(part, decided, strict=True)
            if isinstance(one, Hold | Skip | Keep)
        ]
        verdicts += [(one.entry, verdict) for one, verdict in counted.refused]
        for entry in pool.map(lambda pair: self._record(*pair), verdicts):
            this.done[entry.id] = entry
        self._send_counted(counted.granted, permit, this, pool)
        undecided = any(isinstance(one, Undecided) for one in decided)
        this.ended = this.ended or counted.too_fast or undecided

    def _send_counted(
        self, counted: Sequence[Capped], permit: Permit, this: Pass, pool: Pool
    ) -> None:
        """Send what was counted, and give back what was not sent."""
        outcomes = self._alone(counted, permit, this)
        left = counted[len(outcomes) :]
        if this.ended:
            outcomes += [None] * len(left)
        else:
            leave = Permit(permit.name)
            outcomes += pool.map(lambda one: self._send_one(one, leave, this), left)
        if all(one is None for one in outcomes):
            self._circuits.give_back(permit, self._clock.now())
        for outcome in outcomes:
            if outcome is not None:
                this.done[outcome.entry.id] = outcome.entry
                if outcome.away:
                    this.ended, this.failed = True, outcome.entry.id
        pairs = zip(counted, outcomes, strict=True)
        self._caps.give_back([one for one, how in pairs if how is None or how.unsent])

    def _alone(self, counted: Sequence[Capped], permit: Permit, this: Pass) -> list[Outcome | None]:
        """Send one after another, until the service has answered one."""
        outcomes: list[Outcome | None] = []
        known = this.answers and not permit.holder
        for one in counted:
            if known or this.ended:
                break
            outcomes.append(outcome := self._send_one(one, permit, this))
            if outcome is not None:
                this.ended = outcome.away
                this.answers = known = not outcome.away
        return outcomes

    def _send_one(self, one: Capped, permit: Permit, this: Pass) -> Outcome | None:
        """Send it when its turn comes; None if it was not sent, and is to be looked at anew."""
        now = self._clock.now()
        if one.at > now and self._clock.wait(this.stop, one.at - now):
            return None
        it = one.prepared
        now = self._clock.now()
        if too_late(it.entry, now) or self._decide.is_quiet(it, now):
            return None
        taken = self._outbox.claim(it.entry, now)
        return None if taken is None else self._attempts.make(taken, it.content, permit)

    def _put_off(self, channel: str, rest: Sequence[Entry], this: Pass, pool: Pool) -> None:
        """Let the rest say at once that the service failed for another, and until when it waits."""
        now = self._clock.now()
        permit = self._circuits.ask(channel, now)
        if isinstance(permit, datetime):
            self._hold(rest, permit, away_until(channel, permit), this, pool)
            return
        self._circuits.give_back(permit, now)
        said = f"{channel} failed for notification {this.failed}; this one goes at the next flush"
        self._hold(rest, now, said, this, pool)

    def _hold(
        self, left: Sequence[Entry], until: datetime, said: str, this: Pass, pool: Pool
    ) -> None:
        """Let all of them wait until then; those that nobody needs any more end."""
        now = self._clock.now()

        def waiting(entry: Entry) -> Entry:
            at = until if entry.useful_until is None else min(until, entry.useful_until)
            return self._record(entry, too_late(entry, now) or Hold(at, said))

        for entry in pool.map(waiting, left):
            this.done[entry.id] = entry

    def _record(self, entry: Entry, verdict: Verdict) -> Entry:
        done = self._outbox.update(entry, partial(states.decided, verdict=verdict))
        what, level = _EVENTS[type(verdict)]
        tell(what, done, level=level, error=done.error, next_at=done.next_at)
        return done


def tell_kept(this: Pass) -> None:
    """Warn of the messages that the pass has kept: one line for each channel and reason."""
    kept = [one for one in this.done.values() if one.status is NotificationStatus.KEPT]
    for (channel, reason), count in Counter((one.channel, one.error) for one in kept).items():
        event(
            _logger,
            Event.NOTIFICATIONS_KEPT,
            level=logging.WARNING,
            channel=channel,
            count=count,
            reason=reason,
        )


_NONE = Permit("")
"""For a channel that sends nothing."""
_EVENTS: Mapping[type, tuple[Event, int]] = {
    Hold: (Event.NOTIFICATION_HELD, logging.INFO),
    Skip: (Event.NOTIFICATION_SKIPPED, logging.INFO),
    Keep: (Event.NOTIFICATION_KEPT, logging.DEBUG),  # `tell_kept` warns of all at once
}
