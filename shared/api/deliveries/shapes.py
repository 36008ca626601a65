"""What the API takes and returns for deliveries to webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

from shared.api.fields import Input
from shared.api.lists import Paged
from shared.api.query import InstantText
from shared.api.shown import Shown, at
from shared.webhooks.model import DeliveryStatus


def _or_none(text: str) -> str | None:
    return text or None


Words = Annotated[str | None, BeforeValidator(_or_none)]


class TriedOut(Shown):
    """One attempt at a delivery."""

    at: datetime
    """When it began: its `webhook-timestamp`."""
    http_status: int | None
    """Null: no answer came."""
    error: Words
    """Why it did not count; null if it was delivered."""
    first_byte_ms: int | None
    """Until the first byte of the answer."""
    took_ms: int
    head: str
    """The first headers of the answer, one a line, without secrets."""
    body: str
    """The first characters of its body, without secrets."""


class DeliveryOut(Shown):
    """A delivery: one message to one webhook."""

    id: str
    """Also its `webhook-id`: the same in each attempt, and if it is delivered again."""
    webhook_id: str
    project_id: int | None
    schedule_id: Words
    """Null for a test."""
    job_id: Words
    """The job that asked for it last."""
    type: str
    """Of the event."""
    due_at: datetime
    """When its occurrence was due."""
    test: bool
    status: DeliveryStatus
    """queued: not tried yet; sending; retrying: tried, and tried again later; delivered; failed: it
    was given up."""
    attempts: int
    """How many there were in all."""
    http_status: int | None
    """Of the last answer."""
    error: Words
    """Why the last attempt did not count, or why it was given up."""
    created_at: datetime
    next_attempt_at: datetime | None = at("next_at")
    """Null if there will be no further attempt."""
    ended_at: datetime | None


class DeliveryDetail(DeliveryOut):
    """A delivery with what was sent, and its last attempts."""

    body: str
    """What is sent, as JSON."""
    log: list[TriedOut]
    """Its last attempts, oldest first."""


class DeliveryList(Paged):
    deliveries: list[DeliveryOut]


class RedeliverAll(Input):
    """Which deliveries of a webhook are to be made again: the newest 1,000 that fit."""

    since: InstantText | None = Field(default=None, alias="from")
    """The first instant at which they were due."""
    until: InstantText | None = Field(default=None, alias="to")
    """The instant before which they were due."""
    status: DeliveryStatus = DeliveryStatus.FAILED
    """failed or delivered."""


class Redelivered(Shown):
    redelivered: int
    """How many are delivered again, within the next minutes."""
