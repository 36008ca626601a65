"""What happens after an attempt to send: pure rules, and the port that each channel implements.

1. After no answer, 408, 429 or 5xx, there is another attempt, after one of `PAUSES`, or later if
   the service asks for it by `Retry-After` (at most `LONGEST`). After the last attempt, the
   notification has failed for good.
2. After any other refusal (400, 401, 403, 404, 410, a bad address), the next attempt would be
   refused too. So the notification has failed for good at once, with the reason.
3. If there was no answer (a timeout), the notification may have been sent nevertheless. No provider
   accepts a key by which it could recognise a repetition, so the notification is sent again: better
   twice than never.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from shared.errors import BelfryError
from shared.notifications.content import Content, Receipt
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


class Sender(Protocol):
    """A configured channel to people."""

    def send(self, entry: Entry, content: Content, /) -> Receipt:
        """Send it once; what the provider says. Raises `Refused` or `Unavailable`: `Later`, if the
        service says when to try again; `Uncertain`, if nobody can tell whether it accepted. No
        error has a secret in its text."""


def next_attempt(error: BelfryError, attempts: int, now: datetime) -> datetime | None:
    """When to try again, after `attempts` attempts of which the last raised `error`; None:
    never."""
    if error.permanent or attempts >= ATTEMPTS:
        return None
    pause = PAUSES[attempts - 1]
    if isinstance(error, Later):
        pause = max(pause, min(error.pause, LONGEST))
    return now + pause
