"""`/api/v1/messages`: messages to people that were sent, could not be sent, or wait."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter

from shared.api.deps import Provided
from shared.api.lists import PAGE_SIZE, Page, Paged, PageSize, counts
from shared.api.shown import Shown, at
from shared.messages.model import Channel, MessageStatus

router = APIRouter(prefix="/api/v1/messages", tags=["messages"])


class MessageOut(Shown):
    """A message to one recipient, on one channel."""

    id: str
    key: str
    """What it is about, such as a job's id; a recipient gets one message per key and channel."""
    channel: Channel
    recipient: str
    """An e-mail address; empty for a chat, which the settings name."""
    subject: str
    text: str
    status: MessageStatus
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


class MessageList(Paged):
    messages: list[MessageOut]


@router.get("")
def list_messages(
    app: Provided,
    status: MessageStatus | None = None,
    channel: Channel | None = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> MessageList:
    """Messages that fit every filter given, newest first."""
    found, total = app().messages().page(status, channel, page, page_size)
    return MessageList(
        messages=[MessageOut.model_validate(one) for one in found],
        **counts(total, page, page_size),
    )


@router.get("/{message_id}")
def read_message(app: Provided, message_id: str) -> MessageOut:
    """One message."""
    return MessageOut.model_validate(app().messages().get(message_id))
