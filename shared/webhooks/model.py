"""A delivery: one message to one webhook, until it has arrived or was given up. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

HELD = timedelta(minutes=2)
"""How long a delivery belongs to the sender that took it: longer than one attempt lasts, with its
writes to storage."""
KEPT = timedelta(days=30)
"""How long a delivery that has ended can be read and delivered again."""
MOST_OPEN = 1_000
"""How many deliveries to one webhook may wait."""
LOGGED = 12
"""How many attempts a delivery remembers: the last ones."""


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    QUEUED = "queued"
    """It was not tried yet."""
    SENDING = "sending"
    RETRYING = "retrying"
    """It was tried, and will be again."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """It was given up."""

    @property
    def ended(self) -> bool:
        return self in (DeliveryStatus.DELIVERED, DeliveryStatus.FAILED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """One attempt."""

    at: datetime
    """When it began: the `webhook-timestamp` that was sent."""
    http_status: int | None = None
    """None: no answer came."""
    error: str = ""
    """Empty if it was delivered."""
    first_byte_ms: int | None = None
    took_ms: int = 0
    head: str = ""
    """The first headers of the answer, without secrets."""
    body: str = ""
    """The first characters of its body, without secrets."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """A delivery, as it is stored."""

    id: str
    """Also its `webhook-id`, in each attempt."""
    hook: str
    """The key of its webhook (`body.hook_key`)."""
    webhook_id: str
    project_id: int | None = None
    schedule_id: str = ""
    """Empty for a test."""
    job_id: str = ""
    """The job that asked for it last."""
    type: str
    due_at: datetime
    """When its occurrence was due."""
    body: str
    """What is sent, as UTF-8; it stays the same whatever becomes of the schedule."""
    test: bool = False
    """A person tries the webhook: it is sent once, even if the webhook is disabled."""
    status: DeliveryStatus = DeliveryStatus.QUEUED
    tries: int = 0
    """How many attempts of this series were begun; a person can begin another series."""
    attempts: int = 0
    """How many attempts were begun in all."""
    next_at: datetime | None
    """When it is due: to be tried, or, while it is sent, to be taken from a sender that died."""
    holder: str = ""
    """The sender that has it."""
    claimed_at: datetime | None = None
    created_at: datetime
    ended_at: datetime | None = None
    http_status: int | None = None
    """Of the last answer."""
    error: str = ""
    """Why the last attempt failed, or why it was given up."""
    log: tuple[Tried, ...] = ()
    """Its last attempts, oldest first."""
    etag: str = ""
