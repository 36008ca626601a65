"""`/api/v1/notifications`: what people were told, could not be told, or are still to be told.

Its first path, `/api/v1/messages`, goes on answering as it did, and is described as deprecated.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, Field, WithJsonSchema

from shared.api.deps import Provided
from shared.api.lists import PAGE_SIZE, Page, Paged, PageSize, counts
from shared.api.shown import Shown, at
from shared.notifications.channels import names
from shared.notifications.model import NotificationStatus

router = APIRouter(prefix="/api/v1/notifications", tags=["notifications"])
before = APIRouter(prefix="/api/v1/messages", tags=["notifications"], deprecated=True)
"""The first path. A list has its items under `messages` there; nothing else differs."""


def _known(channel: str) -> str:
    if channel not in names():
        raise ValueError(f"use one of {', '.join(names())}")
    return channel


Channel = Annotated[
    str,
    AfterValidator(_known),
    WithJsonSchema({"type": "string", "enum": list(names())}),
]


class NotificationOut(Shown):
    """A notification to one recipient, on one channel."""

    id: str
    key: str
    """What it is about, such as a job's id; a recipient gets one per key and channel."""
    channel: str
    """mail, or a chat, such as slack."""
    recipient: str
    """An e-mail address; empty for a chat, which the settings name."""
    subject: str
    text: str
    status: NotificationStatus
    """queued, sending, sent, failed, or kept: there was no way to send it."""
    attempts: int
    error: str | None
    """Why the last attempt failed, or why it was kept."""
    provider_id: str | None
    """The provider's id for it, for questions to its support."""
    created_at: datetime
    next_attempt_at: datetime | None = at("next_at")
    """Null if there will be no further attempt."""
    sent_at: datetime | None


class NotificationList(Paged):
    notifications: list[NotificationOut]


class MessageList(Paged):
    """A `NotificationList` as the first path has it."""

    messages: list[NotificationOut] = Field(validation_alias="notifications")


@before.get("", name="list_messages", response_model=MessageList)
@router.get("")
def list_notifications(
    app: Provided,
    status: NotificationStatus | None = None,
    channel: Channel | None = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> NotificationList:
    """Notifications that fit every filter given, newest first."""
    found, total = app().notifications().page(status, channel, page, page_size)
    return NotificationList(
        notifications=[NotificationOut.model_validate(one) for one in found],
        **counts(total, page, page_size),
    )


@router.get("/{notification_id}")
def read_notification(app: Provided, notification_id: str) -> NotificationOut:
    """One notification."""
    return NotificationOut.model_validate(app().notifications().get(notification_id))


@before.get("/{message_id}")
def read_message(app: Provided, message_id: str) -> NotificationOut:
    """One notification."""
    return read_notification(app, message_id)
