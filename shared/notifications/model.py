"""What a notification is, and the states that it can be in.

    queued ──> sending ──> sent ──> delivered, or undelivered, as the provider says later
                  │  ↑
                  ↓  │ later, if another attempt may help
                 failed

    unsettled   it may have been sent; the provider is asked before anything else is done
    unknown     nobody could say whether it was sent; a person must look
    skipped     the rules of sending forbid it for good; the error says why
    kept        no way to send it is configured: it stays for a person to read

A notification that must wait, for the hours in which texts may go or for a provider that is away,
stays queued; its error says for what. `states` has each step from one state to another.

A notification is identified by its key, its channel and its recipient. Whoever asks again for the
same three asks for the same notification, which is sent once.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shared import tracing
from shared.errors import Refused, Unavailable
from shared.log import short
from shared.tasks import running
from shared.text import clean, units

KEY = 200
SUBJECT = 200
TEXT = 30_000
ERROR = 1_000
"""The longest key, subject, text and error that are kept, in units of UTF-16."""

MAIL = "mail"
"""The channel that writes to an address. Any other channel that administrators are told by writes
to the one place that its settings name."""

_FAR = 9_999_999_999_999
_ID = re.compile(r"[0-9]{13}-[0-9a-f]{32}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class NotificationStatus(StrEnum):
    """The state of a notification."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    UNSETTLED = "unsettled"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    KEPT = "kept"


class Uncertain(Unavailable):
    """There was no answer that says whether the provider accepted the notification."""


class Later(Unavailable):
    """The service asks for a pause (`Retry-After`)."""

    def __init__(self, service: str, message: str, pause: timedelta) -> None:
        super().__init__(service, message)
        self.pause = pause


class BadRecipient(Refused):
    """It will never reach this recipient, whose address is wrong. Others can be reached: it says
    nothing of the service."""


class OptedOut(BadRecipient):
    """The recipient has told the provider that they want no more of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A notification as a caller asks for it; `draft` makes one."""

    key: str
    channel: str
    recipient: str
    subject: str
    text: str
    kind: str = ""
    """Which of the `kinds` says it; empty: `subject` and `text` are what is sent."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """The kind's data; for a message to an owner, the facts for its review."""
    tenant_id: int | None = None
    owner_id: int | None = None
    task: str = field(default_factory=running.task)
    """The task whose job asked for it; empty if none did."""
    trace: str = field(default_factory=lambda: tracing.carried() or "")
    """The `traceparent` of what asked for it, in whose trace it is sent; empty if there is none."""
    useful_until: datetime | None = None
    """It is not sent later than this; None: however late."""

    @property
    def to_owner(self) -> bool:
        """Whether it goes to an owner, by the rules of `owners`, and not to administrators."""
        return self.owner_id is not None

    @property
    def digest(self) -> str:
        """A digest of what identifies it: 32 hex digits. The case of an address does not count."""
        same = json.dumps([self.key, self.channel, self.recipient.casefold()])
        return hashlib.sha256(same.encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry(Draft):
    """A notification as the outbox stores it."""

    id: str
    status: NotificationStatus
    attempts: int = 0
    error: str | None = None
    provider_id: str | None = None
    """The provider's id for it."""
    created_at: datetime
    next_at: datetime | None
    """When it is due again: for its next attempt, or because the last attempt may have died. None:
    nothing is left to do."""
    sent_at: datetime | None = None
    holder: str = ""
    """Which sender took it last."""
    claimed_at: datetime | None = None
    """When it was taken: the time of the last attempt."""
    address: str = ""
    """Where it went, if that was looked up right before it was sent: a phone number in E.164."""
    segments: int = 0
    """Parts of a text message."""
    cost_micros: int | None = None
    """What it cost, in millionths of `cost_currency`."""
    cost_currency: str = ""
    cost_estimated: bool = False
    """Whether that is Belfry's estimate, since the provider has not said."""
    error_code: str | None = None
    """The provider's code for why it did not arrive."""
    lookups: int = 0
    """How often the provider was asked whether it accepted it."""
    etag: str = ""


def draft(*, key: str, channel: str, recipient: str, subject: str, text: str) -> Draft:
    """A notification that fits into a table, a mail's header and a chat.

    The subject becomes one line (a line break would begin another header). Passwords and keys in
    URLs are removed from subject and text, which are cut if they are too long.
    """
    return Draft(
        key=_key(key),
        channel=channel,
        recipient=recipient.strip(),
        subject=one_line(subject, SUBJECT),
        text=short(text, TEXT),
    )


def _key(key: str) -> str:
    """The key. If it is too long, it is cut and ends in a digest, so that no two become alike."""
    if units(key) <= KEY:
        return short(key, KEY)
    return f"{short(key, KEY - 33)}-{hashlib.sha256(clean(key).encode()).hexdigest()[:32]}"


def one_line(text: str, most: int) -> str:
    """`text` without secrets, line breaks and other control characters."""
    return short(" ".join(_CONTROL.sub(" ", text).split()), most)


def notification_id(digest: str, at: datetime) -> str:
    """The id of a notification. Ids sort by time, newest first."""
    return f"{_FAR - int(at.timestamp() * 1000):013d}-{digest}"


def is_id(text: str) -> bool:
    """Whether `text` looks like a notification's id."""
    return _ID.fullmatch(text) is not None
