"""What tasks may ask of the notifications: a type alone, so a task loads nothing of them."""

from __future__ import annotations

from typing import Protocol


class NotificationService(Protocol):
    """Tells people (`service`). Each notification is sent once for a key, however often it is asked
    for: a task makes the key of its job's id, or of what it is about."""

    def mail_administrators(self, *, key: str, subject: str, text: str) -> object:
        """By mail to every system administrator. Raises `Unavailable` if it cannot be kept."""

    def alert(self, *, key: str, subject: str, text: str) -> object:
        """On every chat channel that is configured, and by mail to every system administrator."""
