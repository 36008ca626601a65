"""Sends what goes to administrators: mail, and the chats. One after another, since there are few.

A channel whose service failed is not tried again before the next pass, so that a pass waits for one
timeout, and not for one per recipient.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from shared.clock import Clock
from shared.errors import BelfryError
from shared.log import Event
from shared.notifications import asking, states
from shared.notifications.attempts import Attempts, tell
from shared.notifications.circuits import Circuits, Permit, away_until
from shared.notifications.content import Content
from shared.notifications.model import Draft, Entry
from shared.notifications.outbox import Outbox
from shared.notifications.rendering import render
from shared.notifications.sending import ATTEMPTS, Sender

_NEVER_ENDED = "outbox: no attempt came to its end"


class Administration:
    """Sends to administrators."""

    def __init__(
        self,
        outbox: Outbox,
        attempts: Attempts,
        circuits: Circuits,
        channels: Mapping[str, Sender],
        why_not: Callable[[Draft], str | None],
        clock: Clock,
    ) -> None:
        """`why_not`: why a notification cannot be sent; None if it can."""
        self._outbox = outbox
        self._attempts = attempts
        self._circuits = circuits
        self._channels = channels
        self._why_not = why_not
        self._clock = clock

    def send(self, entry: Entry, now: datetime, away: set[str]) -> Entry | None:
        """Send it, if it is due and nobody else is sending it; None if it was not tried. `away`
        collects the channels whose service failed in this pass."""
        if entry.channel in away or not states.may_claim(entry, now):
            return None
        permit = self._permit(entry.channel, now)
        if isinstance(permit, datetime):
            said = away_until(entry.channel, permit)
            return self._outbox.update(entry, partial(states.held, until=permit, reason=said))
        taken = self._outbox.claim(entry, now)
        return None if taken is None else self._attempt(taken, permit, away)

    def _permit(self, channel: str, now: datetime) -> Permit | datetime:
        return self._circuits.ask(channel, now) if channel in self._channels else Permit(channel)

    def _attempt(self, entry: Entry, permit: Permit, away: set[str]) -> Entry:
        """Send a notification that this sender has taken, and record the outcome."""
        if entry.channel not in self._channels:
            reason = self._why_not(entry) or ""
            kept = self._outbox.update(entry, partial(states.kept, reason=reason))
            tell(Event.NOTIFICATION_KEPT, kept, level=logging.WARNING, reason=kept.error)
            return kept
        if entry.attempts > ATTEMPTS:
            return self._ended(entry, _NEVER_ENDED)
        try:
            content = _content(entry)
        except BelfryError as error:
            self._circuits.give_back(permit, self._clock.now())
            return self._ended(entry, str(error))
        outcome = self._attempts.make(entry, content, permit)
        if outcome.away and outcome.entry.next_at is not None:
            away.add(entry.channel)
        return outcome.entry

    def _ended(self, entry: Entry, error: str) -> Entry:
        step = partial(states.failed, holder=entry.holder, error=error, again=None)
        done = self._outbox.update(entry, step)
        tell(Event.NOTIFICATION_FAILED, done, level=logging.ERROR, error=done.error)
        return done


def _content(entry: Entry) -> Content:
    """Its words. Raises `Invalid` or `Misconfigured` if its kind is not what it was."""
    if not entry.kind:
        return Content(subject=entry.subject, text=entry.text)
    return render(entry.kind, entry.about, asking.LANGUAGE)
