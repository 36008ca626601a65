"""What a notification is, and what can become of it.

    queued ──> sending ──> sent
                  │  ↑
                  ↓  │ later, if another attempt may help
                 failed

    kept      no way to send it is configured: it stays for a person to read

A notification is identified by its key, its channel and its recipient: the same three are the
same notification, whoever asks for it again, and it is sent once.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.errors import Unavailable
from shared.log import short
from shared.text import clean, units

KEY = 200
SUBJECT = 200
TEXT = 30_000
ERROR = 1_000
"""Units of UTF-16 that are kept of each."""

MAIL = "mail"
"""The channel that writes to an address; any other writes to the one place that its settings
name."""

_FAR = 9_999_999_999_999
_ID = re.compile(r"[0-9]{13}-[0-9a-f]{32}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class NotificationStatus(StrEnum):
    """What became of a notification."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    KEPT = "kept"


class Later(Unavailable):
    """The service asks for a pause (`Retry-After`)."""

    def __init__(self, service: str, message: str, pause: timedelta) -> None:
        super().__init__(service, message)
        self.pause = pause


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A notification as it is asked for; `draft` makes one."""

    key: str
    channel: str
    recipient: str
    subject: str
    text: str

    @property
    def digest(self) -> str:
        """A digest of what identifies it: 32 hex digits. An address has no case here."""
        same = json.dumps([self.key, self.channel, self.recipient.casefold()])
        return hashlib.sha256(same.encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry(Draft):
    """A notification as the outbox has it."""

    id: str
    status: NotificationStatus
    attempts: int = 0
    error: str | None = None
    provider_id: str | None = None
    """What the provider calls it."""
    created_at: datetime
    next_at: datetime | None
    """When it is looked at again: for a new attempt, or because nobody ended the last one."""
    sent_at: datetime | None = None
    holder: str = ""
    """Who sends it, or sent it last."""
    etag: str = ""


def draft(*, key: str, channel: str, recipient: str, subject: str, text: str) -> Draft:
    """A notification that a table, a mail's head and a chat can hold.

    A subject is one line (a line break in it would begin another header). Subject and text hold no
    password or key of a URL, and are cut if they are too long.
    """
    return Draft(
        key=_key(key),
        channel=channel,
        recipient=recipient.strip(),
        subject=one_line(subject, SUBJECT),
        text=short(text, TEXT),
    )


def _key(key: str) -> str:
    """A key that is too long ends in a digest of it, so that no two become the same."""
    if units(key) <= KEY:
        return short(key, KEY)
    return f"{short(key, KEY - 33)}-{hashlib.sha256(clean(key).encode()).hexdigest()[:32]}"


def one_line(text: str, most: int) -> str:
    """`text` without secrets, line breaks and other control characters."""
    return short(" ".join(_CONTROL.sub(" ", text).split()), most)


def notification_id(digest: str, at: datetime) -> str:
    """Its id: sorts by time, newest first."""
    return f"{_FAR - int(at.timestamp() * 1000):013d}-{digest}"


def is_id(text: str) -> bool:
    """Whether `text` looks like a notification's id."""
    return _ID.fullmatch(text) is not None
