"""What becomes of an attempt to send: pure rules, and the port that each channel implements.

1. No answer, 408, 429 and 5xx: another attempt, after `PAUSES`, or later if the service says so by
   `Retry-After` (at most `LONGEST`). After the last attempt the notification has failed for good.
2. Any other refusal (400, 401, 403, 404, 410, a bad address) would be repeated: it has failed for
   good at once, with the reason.
3. A missing answer (a timeout) may hide a notification that went out. None of the providers takes a
   key that would tell, so it is sent again: better twice than never.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from shared.errors import BelfryError
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

    def send(self, entry: Entry) -> str:
        """Send it once; the provider's id for it, if it gives one. Raises `Refused`, `Unavailable`
        (`Later` if it says when), and nothing else; no error holds a secret."""


def next_attempt(error: BelfryError, attempts: int, now: datetime) -> datetime | None:
    """When to try again after `attempts` attempts, the last of which raised `error`; None:
    never."""
    if error.permanent or attempts >= ATTEMPTS:
        return None
    pause = PAUSES[attempts - 1]
    if isinstance(error, Later):
        pause = max(pause, min(error.pause, LONGEST))
    return now + pause
