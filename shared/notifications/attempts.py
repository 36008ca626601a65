"""One attempt at a notification that was taken: send it, and record what became of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from shared import tracing
from shared.clock import Clock
from shared.errors import BelfryError, Unavailable
from shared.log import Event, event
from shared.notifications import states
from shared.notifications.circuits import Circuits, Permit, of_service
from shared.notifications.content import Content, Receipt
from shared.notifications.model import Entry, NotificationStatus, Uncertain
from shared.notifications.outbox import Outbox
from shared.notifications.rules.price import Price
from shared.notifications.sending import LOOK_UPS, Sender, next_attempt

_logger = logging.getLogger("belfry.notifications")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt."""

    entry: Entry
    away: bool
    """Whether the service failed, so that others had better wait."""
    unsent: bool
    """Whether the provider certainly did not accept it."""


class Attempts:
    """Attempts, by the senders of the configured channels."""

    def __init__(
        self,
        outbox: Outbox,
        channels: Mapping[str, Sender],
        circuits: Circuits,
        price: Price,
        clock: Clock,
    ) -> None:
        self._outbox = outbox
        self._channels = channels
        self._circuits = circuits
        self._price = price
        self._clock = clock

    def make(self, entry: Entry, content: Content, permit: Permit) -> Outcome:
        """Send a notification that this sender has taken. Raises `Unavailable` or `Refused` only if
        the outcome cannot be recorded."""
        said = self._send(entry, content)
        if isinstance(said, Receipt):
            return self._sent(entry, said, permit)
        uncertain = entry.to_owner and isinstance(said, Uncertain)
        after = self._unsettled(entry, said) if uncertain else self._failed(entry, said)
        self._circuits.record(permit, said, self._clock.now())
        unsent = after.status is NotificationStatus.FAILED
        return Outcome(after, of_service(said), unsent)

    def _send(self, entry: Entry, content: Content) -> Receipt | BelfryError:
        try:
            with tracing.continued(entry.trace or tracing.carried()), self._span(entry):
                return self._channels[entry.channel].send(entry, content)
        except BelfryError as error:
            return error
        except Exception as error:  # from a library: its text may have a secret, so it is left out
            said = f"failed unexpectedly ({type(error).__name__})"
            return (Uncertain if entry.to_owner else Unavailable)(entry.channel, said)

    def _span(self, entry: Entry) -> AbstractContextManager[tracing.Span]:
        return tracing.span(
            f"send {entry.channel}",
            notification_id=entry.id,
            channel=entry.channel,
            attempt=entry.attempts,
        )

    def _sent(self, entry: Entry, receipt: Receipt, permit: Permit) -> Outcome:
        now = self._clock.now()
        price = self._price if entry.to_owner else None
        step = partial(states.sent, receipt=receipt, now=now, price=price)
        done = self._outbox.update(entry, step)
        tell(Event.NOTIFICATION_SENT, done, provider_id=done.provider_id)
        self._circuits.record(permit, None, now)
        return Outcome(done, away=False, unsent=False)

    def _failed(self, entry: Entry, error: BelfryError) -> Entry:
        again = next_attempt(error, entry, self._clock.now())
        step = partial(states.failed, holder=entry.holder, error=str(error), again=again)
        done = self._outbox.update(entry, step)
        level = logging.ERROR if again is None else logging.WARNING
        tell(Event.NOTIFICATION_FAILED, done, level=level, error=done.error, next_at=again)
        return done

    def _unsettled(self, entry: Entry, error: BelfryError) -> Entry:
        at: datetime = self._clock.now() + LOOK_UPS[0]
        step = partial(states.unsettled, error=str(error), look_up_at=at)
        done = self._outbox.update(entry, step)
        tell(Event.NOTIFICATION_UNSETTLED, done, level=logging.WARNING, error=done.error)
        return done


def tell(what: Event, entry: Entry, *, level: int = logging.INFO, **fields: object) -> None:
    """Log an event of a notification."""
    event(
        _logger,
        what,
        level=level,
        notification_id=entry.id,
        key=entry.key,
        channel=entry.channel,
        kind=entry.kind or None,
        tenant_id=entry.tenant_id,
        attempt=entry.attempts,
        **fields,
    )
