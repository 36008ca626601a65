"""What happens after an attempt to send: pure rules, and the ports that each channel implements.

1. After no answer, 408, 429 or 5xx, there is another attempt, after one of `PAUSES`, or later if
   the service asks for it by `Retry-After` (at most `LONGEST`). After the last attempt, the
   notification has failed for good. A message to an owner has a time until which it is useful, and
   is tried again until then.
2. After any other refusal (400, 401, 403, 404, 410, a bad address), the next attempt would be
   refused too. So the notification has failed for good at once, with the reason. But if our own
   set-up is wrong (`Misconfigured`), a message to an owner waits until a person mends it.
3. If there was no answer (a timeout, `Uncertain`), or if the sender was killed between sending and
   recording it, the notification may have been sent nevertheless. No provider accepts a key by
   which it could recognise a repetition. What follows depends on who gets it:
   - Administrators get it again: better twice than never.
   - An owner never does (P9). The message becomes *unsettled*, and what the provider says settles
     it: a status callback, which carries its id, or an answer to our own question (`Settling`),
     which is put after each of `LOOK_UPS`. If nobody can say, it ends as *unknown*, and a person
     must look. A late callback still settles it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from shared.errors import BelfryError, Misconfigured
from shared.notifications.content import Content, Receipt
from shared.notifications.delivery import Delivery
from shared.notifications.model import Entry, Later

PAUSES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
)
"""The pauses between one attempt and the next."""
ATTEMPTS = len(PAUSES) + 1
LONGEST = timedelta(hours=6)
"""The longest pause that a service can ask for."""

LOOK_UPS = (timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=30))
"""The pauses before each question whether a message was accepted. A provider may not list at once
what it has just accepted."""
ASKED_AGAIN = timedelta(hours=1)
"""The pause after the last of these, while the provider does not answer."""
MOST_LOOK_UPS = 24
"""After so many questions without an answer, nobody is asked any more."""


class Sender(Protocol):
    """A configured channel to people."""

    def send(self, entry: Entry, content: Content, /) -> Receipt:
        """Send it once; what the provider says. Raises `Refused` or `Unavailable`: `Later`, if the
        service says when to try again; `Uncertain`, if nobody can tell whether it accepted;
        `Misconfigured`, if it refuses because of our set-up, whatever the message is. No error has
        a secret in its text."""


@runtime_checkable
class Settling(Protocol):
    """A sender whose provider can be asked what it accepted. A channel to owners needs it."""

    def look_up(self, entry: Entry, /) -> Receipt | None:
        """What the provider says of a notification that it may have accepted, found by its
        `address`, its `text` and its time; None: it knows of none. Raises as `send` does."""


@runtime_checkable
class Fetching(Protocol):
    """A sender whose provider can be asked later what became of a notification."""

    def fetch(self, entry: Entry, /) -> Delivery:
        """How far the notification with `entry.provider_id` has come, and what it cost. Raises
        `NotFound` if the provider has it no more, and as `send` does."""


@runtime_checkable
class Named(Protocol):
    """A sender that knows the name of its account with the provider."""

    @property
    def account(self) -> str:
        """The account's name, which is no secret."""


def account(sender: Sender) -> str:
    """Which account a sender uses; empty if it has no name. Each has a circuit of its own."""
    return sender.account if isinstance(sender, Named) else ""


def next_attempt(error: BelfryError, entry: Entry, now: datetime) -> datetime | None:
    """When to try again, after the entry's last attempt raised `error`; None: never."""
    if error.permanent and not (entry.to_owner and isinstance(error, Misconfigured)):
        return None
    if entry.attempts >= ATTEMPTS and not entry.to_owner:
        return None
    pause = PAUSES[min(entry.attempts, len(PAUSES)) - 1]
    if isinstance(error, Later):
        pause = max(pause, min(error.pause, LONGEST))
    again = now + pause
    return min(again, entry.useful_until) if entry.useful_until is not None else again


def next_look_up(lookups: int, now: datetime, *, answered: bool) -> datetime | None:
    """When to ask the provider again, after so many questions, the last of which it `answered`, but
    did not know of the notification; None: no more."""
    if lookups >= MOST_LOOK_UPS or (answered and lookups >= len(LOOK_UPS)):
        return None
    return now + (LOOK_UPS[lookups] if lookups < len(LOOK_UPS) else ASKED_AGAIN)
