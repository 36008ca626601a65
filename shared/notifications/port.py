"""What tasks may ask of the notifications. It is only a type, so a task that declares it imports
nothing else of them."""

from __future__ import annotations

from typing import Protocol


class NotificationService(Protocol):
    """Sends notifications to people (`service`). For one key, a notification is sent once, however
    often a task asks for it. So a task makes the key from its job's id, or from the subject."""

    def mail_administrators(self, *, key: str, subject: str, text: str) -> object:
        """Mail every system administrator. Raises `Unavailable` if the outbox cannot store it."""

    def alert(self, *, key: str, subject: str, text: str) -> object:
        """Send it to every configured chat channel, and by mail to every system administrator."""
