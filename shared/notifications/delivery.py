"""What a provider says of a notification after it accepted it, by a status callback or when it is
asked. Such news comes in any order, more than once, and sometimes before our own record of the
send; `Notifications.record_delivery` takes it as it comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DeliveryState(StrEnum):
    """How far a notification is on its way to the recipient. The last three are final."""

    QUEUED = "queued"
    """The provider has it."""
    SENT = "sent"
    """The provider handed it on."""
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    """It was handed on, and did not arrive."""
    FAILED = "failed"
    """The provider could not hand it on."""

    @property
    def final(self) -> bool:
        """Whether nothing else can come after it."""
        return self not in (DeliveryState.QUEUED, DeliveryState.SENT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """What a provider says of one notification."""

    id: str
    """The notification's, in our outbox."""
    provider_id: str
    state: DeliveryState
    error_code: str | None = None
    """The provider's code for why it did not arrive, such as Twilio's 30003."""
    segments: int = 0
    """Parts of a text message; 0: not said."""
    cost_micros: int | None = None
    """What it cost, in millionths of `cost_currency`; None: not said."""
    cost_currency: str = ""
