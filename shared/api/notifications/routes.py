"""`/api/v1/notifications`: what people were told, could not be told, or are still to be told.

Its first path, `/api/v1/messages`, goes on answering as it did, and is described as deprecated.
"""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from shared.api.deps import Provided
from shared.api.lists import PAGE_SIZE, Page, Paged, PageSize, counts
from shared.api.query import DIGITS
from shared.api.roles import needs
from shared.api.shown import Shown, at
from shared.notifications import kinds
from shared.notifications.channels import names
from shared.notifications.model import NotificationStatus
from shared.notifications.rules.phone import masked

router = APIRouter(prefix="/api/v1/notifications", tags=["notifications"])
before = APIRouter(prefix="/api/v1/messages", tags=["notifications"], deprecated=True)
"""The first path. A list has its items under `messages` there; nothing else differs."""


def _known(channel: str) -> str:
    if channel not in names():
        raise ValueError(f"use one of {', '.join(names())}")
    return channel


def _kind(name: str) -> str:
    if name not in kinds.names():
        raise ValueError(f"use one of {', '.join(kinds.names())}")
    return name


def _or_none(text: str) -> str | None:
    return text or None


def _masked(address: str) -> str | None:
    return masked(address) if address else None


Channel = Annotated[
    str,
    AfterValidator(_known),
    WithJsonSchema({"type": "string", "enum": list(names())}),
]


KindName = Annotated[
    str,
    AfterValidator(_kind),
    WithJsonSchema({"type": "string", "enum": list(kinds.names())}),
]
TenantId = Annotated[int, Field(ge=1), DIGITS]
"""A tenant's id."""


class NotificationOut(Shown):
    """A notification to one recipient, on one channel."""

    id: str
    key: str
    """What it is about, such as a job's id; a recipient gets one per key and channel."""
    channel: str
    """mail, sms, or a chat, such as slack."""
    recipient: str
    """An e-mail address, or an owner; empty for a chat, which the settings name."""
    kind: Annotated[str | None, BeforeValidator(_or_none)]
    """Which kind of notification says it; null: none, it is plain text."""
    tenant_id: int | None
    """Whose owner gets it; null for administrators."""
    owner_id: int | None
    address: Annotated[str | None, BeforeValidator(_masked)]
    """The last digits of the phone number that it went to."""
    subject: str
    text: str
    """Empty until it is first sent, if it goes to an owner."""
    status: NotificationStatus
    """queued, sending, sent, delivered, undelivered, failed; unsettled or unknown: it may have been
    sent; skipped: the rules forbid it; kept: there was no way to send it."""
    attempts: int
    error: str | None
    """Why the last attempt failed, or why it waits, was skipped or was kept."""
    error_code: str | None
    """The provider's code for why it did not arrive."""
    provider_id: str | None
    """The provider's id for it, for questions to its support."""
    created_at: datetime
    next_attempt_at: datetime | None = at("next_at")
    """Null if there will be no further attempt."""
    sent_at: datetime | None
    useful_until: datetime | None
    """It is not sent later than this; null: however late."""
    segments: int
    """Parts of a text message; 0 for other channels."""
    cost_micros: int | None
    """What it cost, in millionths of `cost_currency`; null: not known."""
    cost_currency: Annotated[str | None, BeforeValidator(_or_none)]
    cost_estimated: bool
    """Whether that is an estimate, since the provider has not said."""


class CircuitOut(Shown):
    """The circuit of a provider: whether messages are sent to it."""

    name: str
    """The channel, with the account if it has a name."""
    open: bool = at("circuit.is_open")
    """Whether messages wait, since the provider failed."""
    failures: int = at("circuit.failures")
    """In a row."""
    opened_at: datetime | None = at("circuit.opened_at")
    next_probe_at: datetime | None = at("circuit.opened_until")
    """When one message tries whether it is well again."""
    error: str = at("circuit.error")
    """The last failure."""


class CircuitList(Shown):
    circuits: list[CircuitOut]


class NotificationList(Paged):
    notifications: list[NotificationOut]


class MessageList(Paged):
    """A `NotificationList` as the first path has it."""

    messages: list[NotificationOut] = Field(validation_alias="notifications")


@before.get("", name="list_messages", response_model=MessageList)
@router.get("")
@needs(everything=True)
def list_notifications(
    app: Provided,
    status: NotificationStatus | None = None,
    channel: Channel | None = None,
    kind: KindName | None = None,
    tenant_id: TenantId | None = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> NotificationList:
    """Notifications that fit every filter given, newest first."""
    found, total = (
        app().notifications().page(status, channel, page, page_size, kind=kind, tenant_id=tenant_id)
    )
    return NotificationList(
        notifications=[NotificationOut.model_validate(one) for one in found],
        **counts(total, page, page_size),
    )


@router.get("/circuits")
@needs(everything=True)
def list_circuits(app: Provided) -> CircuitList:
    """The circuits of the providers that ever failed: whether messages wait for one."""
    found = app().notifications().circuits()
    return CircuitList(
        circuits=[
            CircuitOut.model_validate(SimpleNamespace(name=name, circuit=one))
            for name, one in found.items()
        ]
    )


@router.get("/{notification_id}")
@needs(everything=True)
def read_notification(app: Provided, notification_id: str) -> NotificationOut:
    """One notification."""
    return NotificationOut.model_validate(app().notifications().get(notification_id))


@before.get("/{message_id}")
@needs(everything=True)
def read_message(app: Provided, message_id: str) -> NotificationOut:
    """One notification."""
    return read_notification(app, message_id)
