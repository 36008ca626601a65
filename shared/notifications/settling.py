"""Settles messages of which nobody knows whether they were sent, by asking the provider. `sending`
has the rule, and when it is asked."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

from shared.clock import Clock
from shared.errors import BelfryError, Unavailable
from shared.log import Event
from shared.notifications import states
from shared.notifications.attempts import tell
from shared.notifications.circuits import Circuits, Permit, of_service
from shared.notifications.content import Receipt
from shared.notifications.model import Entry, NotificationStatus
from shared.notifications.outbox import Outbox
from shared.notifications.problems import Problems, told
from shared.notifications.rules.phone import masked
from shared.notifications.rules.price import Price
from shared.notifications.sending import Sender, Settling, next_look_up

_UNTOLD = timedelta(hours=1)
"""When it is tried again if no person could be told."""
_DIED = "its sender ended before it had recorded whether it was sent"


class Settler:
    """Asks the providers of the configured channels."""

    def __init__(
        self,
        outbox: Outbox,
        channels: Mapping[str, Sender],
        circuits: Circuits,
        price: Price,
        clock: Clock,
        problems: Problems,
    ) -> None:
        self._outbox = outbox
        self._channels = channels
        self._circuits = circuits
        self._price = price
        self._clock = clock
        self._problems = problems

    def settle(self, entry: Entry, away: set[str]) -> Entry | None:
        """Ask about one that is due; as it is afterwards, or None if it was left alone. `away`
        collects the channels whose provider did not answer in this pass, so that a pass waits for
        one timeout. Raises `Unavailable` or `Refused` only if the outbox's storage fails."""
        if entry.channel in away:
            return None
        now = self._clock.now()
        if entry.status is NotificationStatus.SENDING:
            entry = self._outbox.update(entry, partial(self._died, now=now))
        if entry.status is not NotificationStatus.UNSETTLED:
            return entry
        sender = self._channels.get(entry.channel)
        if not isinstance(sender, Settling):
            return self._nothing(entry, f"{entry.channel} has nobody to ask", answered=True)
        permit = self._circuits.ask(entry.channel, now)
        if isinstance(permit, datetime):
            return self._outbox.update(entry, partial(states.asked_later, until=permit))
        return self._ask(entry, sender, permit, away)

    def _died(self, entry: Entry, now: datetime) -> Entry | None:
        """The step for one whose sender seems to have died: not if it has recorded the outcome, or
        if its claim lasts."""
        if entry.next_at is None or entry.next_at > now:
            return None
        return states.unsettled(entry, _DIED, now)

    def _ask(self, entry: Entry, sender: Settling, permit: Permit, away: set[str]) -> Entry:
        said = self._answer(entry, sender)
        now = self._clock.now()
        problem = said if isinstance(said, BelfryError) else None
        self._circuits.record(permit, problem, now)
        if isinstance(said, BelfryError):
            if of_service(said):
                away.add(entry.channel)
            return self._nothing(entry, f"asked, the provider gave no answer: {said}")
        if said is None:
            return self._nothing(entry, "asked, the provider knows of no such one", answered=True)
        step = partial(states.sent, receipt=said, now=now, price=self._price)
        done = self._outbox.update(entry, step)
        tell(Event.NOTIFICATION_SENT, done, provider_id=done.provider_id, settled="by asking")
        return done

    def _answer(self, entry: Entry, sender: Settling) -> Receipt | BelfryError | None:
        try:
            return sender.look_up(entry)
        except BelfryError as error:
            return error
        except Exception as error:  # from a library: its text may have a secret, so it is left out
            said = f"failed unexpectedly ({type(error).__name__})"
            return Unavailable(entry.channel, said)

    def _nothing(self, entry: Entry, said: str, *, answered: bool = False) -> Entry:
        now = self._clock.now()
        again = next_look_up(entry.lookups + 1, now, answered=answered)
        if again is None:
            said = (
                f"nobody can say whether it was sent: {said}. Look for {masked(entry.address)} in "
                "the provider's log; it is not sent again"
            )
            if not self._told(entry, said):
                return self._outbox.update(entry, partial(states.asked_later, until=now + _UNTOLD))
        done = self._outbox.update(entry, partial(states.looked_up, again=again, said=said))
        if done.status is NotificationStatus.UNKNOWN:
            tell(Event.NOTIFICATION_UNKNOWN, done, level=logging.ERROR, error=done.error)
        return done

    def _told(self, entry: Entry, said: str) -> bool:
        """Whether a person is told, before that is final: who is killed here tells it again, under
        the same key."""
        about, text = f"tenant {entry.tenant_id}", f"{entry.kind} {entry.id}: {said}"
        key = f"unknown:{entry.id}"
        return told(lambda: self._problems.message_unknown(about, text, key=key))
