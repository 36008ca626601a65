"""What Twilio tells us by HTTP: the status of a message, and what somebody answered.

https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from shared.errors import Invalid
from shared.notifications.delivery import Delivery, DeliveryState
from shared.notifications.model import is_id

STATUS_PATH = "/hooks/twilio/status"
INBOUND_PATH = "/hooks/twilio/inbound"

_STATES = {
    "accepted": DeliveryState.QUEUED,
    "scheduled": DeliveryState.QUEUED,
    "queued": DeliveryState.QUEUED,
    "sending": DeliveryState.QUEUED,
    "sent": DeliveryState.SENT,
    "partially_delivered": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.DELIVERED,
    "undelivered": DeliveryState.UNDELIVERED,
    "failed": DeliveryState.FAILED,
    "canceled": DeliveryState.FAILED,
}


class Wish(StrEnum):
    """What an answer asks for."""

    STOP = "stop"
    START = "start"


_WORDS = {
    **dict.fromkeys(("stop", "stopall", "unsubscribe", "cancel", "end", "quit"), Wish.STOP),
    **dict.fromkeys(("optout", "revoke", "stopp", "arret", "arrêt"), Wish.STOP),
    **dict.fromkeys(("start", "unstop"), Wish.START),
}
"""Twilio's own words, except YES, which may well answer a question; and those of some languages.
https://help.twilio.com/articles/223134027"""


def state_of(status: str | None) -> DeliveryState | None:
    """The state that a status of Twilio's means; None for one that Belfry does not know."""
    return _STATES.get(str(status).lower())


def delivery(id: str, fields: Mapping[str, str]) -> Delivery | None:
    """What a status callback says of the notification `id`; None if it says nothing that Belfry
    knows. Raises `Invalid`."""
    if not is_id(id):
        raise Invalid("id", "use the id of a notification, as Belfry gave it to Twilio")
    sid = fields.get("MessageSid") or fields.get("SmsSid") or ""
    if not sid:
        raise Invalid("MessageSid", "it is missing")
    status = fields.get("MessageStatus") or fields.get("SmsStatus") or ""
    if not status:
        raise Invalid("MessageStatus", "it is missing")
    state = state_of(status)
    if state is None:
        return None
    return Delivery(id=id, provider_id=sid, state=state, error_code=fields.get("ErrorCode") or None)


def wish(fields: Mapping[str, str]) -> Wish | None:
    """What somebody asks for who answered a text message; None: something else.

    With Advanced Opt-Out, Twilio says in `OptOutType` how it took the answer, in any language.
    Without it, a message counts that is one of the words alone, as it does for Twilio.
    """
    told = fields.get("OptOutType", "")
    if told:
        return next((one for one in Wish if one.value == told.lower()), None)
    return _WORDS.get(fields.get("Body", "").strip().strip(".!\"'").casefold())
