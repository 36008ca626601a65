"""Decides what is to become of a message to an owner: asks its review and the rules, and words it.
Writes nothing, so a rehearsal asks it too."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from shared.errors import BelfryError
from shared.log import Event, trace
from shared.notifications import segments, states
from shared.notifications.attempts import tell
from shared.notifications.content import Content
from shared.notifications.model import Entry
from shared.notifications.port import Dropped, Owner, Review
from shared.notifications.rendering import render
from shared.notifications.rules.owner import AGAIN, quiet, reachable, too_late
from shared.notifications.rules.price import Price
from shared.notifications.rules.verdict import Hold, Keep, Skip, Verdict, until_useful
from shared.notifications.rules.window import Window
from shared.settings import SmsSettings

_logger = logging.getLogger("belfry.notifications")

_OFF = "SMS_ENABLED is false"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message that may be sent now."""

    entry: Entry
    """With its words, and the number that it goes to."""
    content: Content
    owner: Owner
    cost: int
    """An estimate, in millionths of SMS_CURRENCY."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """What the review needs is away: this message, and all others, had better wait."""

    error: BelfryError


Decision = Prepared | Verdict | Undecided


class Decider:
    """The rules, bound to the settings."""

    def __init__(
        self,
        reviews: Mapping[str, Review],
        channels: Collection[str],
        sms: SmsSettings,
        explain: Callable[[str], str],
    ) -> None:
        """`reviews` by kind; `channels`: those that are set up; `explain` says how to set up
        another."""
        self._reviews = reviews
        self._channels = channels
        self._sms = sms
        self._explain = explain
        self._hours = Window(*sms.hours)
        self._price = Price(sms.segment_micros, sms.currency)

    def __call__(self, entry: Entry, now: datetime) -> Decision:
        """What is to become of it now. A fault in one message, whatever it is, lets only that one
        wait (P9)."""
        try:
            return too_late(entry, now) or self._decide(entry, now)
        except BelfryError as error:
            return self._faulty(entry, str(error), now) if error.permanent else Undecided(error)
        except Exception as error:  # a fault in a review or a template
            _logger.error("unexpected failure in %s\n%s", entry.key, trace(error))
            return self._faulty(entry, f"failed unexpectedly ({type(error).__name__})", now)

    def why_not(self, channel: str) -> str | None:
        """Why nothing is sent on that channel; None: it is sent."""
        if not self._sms.enabled:
            return _OFF
        return None if channel in self._channels else self._explain(channel)

    def is_quiet(self, it: Prepared, now: datetime) -> bool:
        """Whether the hours in which it may go are over."""
        return quiet(it.entry, it.owner, self._hours, now) is not None

    def next_open(self, owner: Owner, at: datetime) -> datetime:
        """The first instant from `at` on at which texts may go to that owner."""
        from shared.recurrence import zone

        return self._hours.next_open(at, zone.find(owner.timezone))

    def _decide(self, entry: Entry, now: datetime) -> Prepared | Verdict:
        review = self._reviews.get(entry.kind)
        if review is None:
            return until_useful(entry, now + AGAIN, f"nothing reviews messages {entry.kind}")
        found = review(entry.about, now)
        if isinstance(found, Dropped):
            return Skip(found.reason)
        to = reachable(found.owner, self._sms.default_region)
        if isinstance(to, Skip):
            return to
        content = render(entry.kind, found.data, found.owner.language)
        if (reason := self.why_not(entry.channel)) is not None:
            return Keep(reason, content)
        if (verdict := quiet(entry, found.owner, self._hours, now)) is not None:
            return verdict
        return self._prepared(entry, content, found.owner, to.phone)

    def _prepared(self, entry: Entry, content: Content, owner: Owner, phone: str) -> Prepared:
        parts = segments.size(content.text).segments
        worded = replace(states.worded(entry, content), address=phone, segments=parts)
        return Prepared(worded, content, owner, self._price.of(parts))

    def _faulty(self, entry: Entry, said: str, now: datetime) -> Hold | Skip:
        tell(Event.NOTIFICATION_FAULTY, entry, level=logging.ERROR, error=said)
        return until_useful(entry, now + AGAIN, said)
