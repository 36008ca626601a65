"""What tasks may ask of the notifications. It is only a type, so a task that declares it imports
nothing else of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shared.notifications.model import Entry


class NotificationService(Protocol):
    """Sends notifications to people (`service`). For one key, a notification is sent once, however
    often a task asks for it. So a task makes the key from its job's id, or from the subject.

    Each method returns the notifications as they are afterwards (`status` says whether one was
    sent, waits for another attempt, or is kept); a repetition may leave out those that are
    finished. Each raises `Unavailable` or `Refused` if the outbox's storage fails.
    """

    def mail_administrators(self, *, key: str, subject: str, text: str) -> Sequence[Entry]:
        """Mail every system administrator."""

    def alert(self, *, key: str, subject: str, text: str) -> Sequence[Entry]:
        """Send it to every configured chat channel, and by mail to every system administrator."""
